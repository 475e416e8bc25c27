import { posix } from 'node:path';

import { parseAddress, quote, type Family } from '../base/address.js';
import { ok, refuse, type Result } from '../base/result.js';

/** What a key takes: `expects` ends the sentence "this must be …". */
export interface ValueType<T> {
  readonly expects: string;
  readonly parse: (text: string) => Result<T>;
}

/** iptables' multiport match takes no more ports. */
const MAX_PORTS = 15;
const MAX_INTERFACE = 15;
const MAX_CHAIN = 28;

const NO_CHAINS = [
  'OUTPUT',
  'PREROUTING',
  'POSTROUTING',
  'ACCEPT',
  'DROP',
  'RETURN',
  'QUEUE',
  'REJECT',
  'LOG',
];

/** A type of which one function says all: undefined where the text is not of it. */
function simple<T>(expects: string, parse: (text: string) => T | undefined): ValueType<T> {
  return {
    expects,
    parse: (text) => {
      const value = parse(text);
      return value === undefined ? refuse(`${quote(text)} is not ${expects}`) : ok(value);
    },
  };
}

/** The decimal number of the text, within the bounds; undefined for anything else. */
export function decimal(text: string, min: number, max: number): number | undefined {
  if (!/^[+-]?[0-9]{1,12}$/.test(text)) return undefined;
  const value = Number(text);
  // `-0` is 0.
  return value >= min && value <= max ? value + 0 : undefined;
}

export function integer(min: number, max: number): ValueType<number> {
  return simple(`a whole number from ${min} to ${max}`, (text) => decimal(text, min, max));
}

export function choice<T extends string>(...values: readonly T[]): ValueType<T> {
  return simple(`one of ${values.join(', ')}`, (text) => values.find((value) => value === text));
}

export const YES_NO = simple('yes or no', (text) =>
  text === 'yes' ? true : text === 'no' ? false : undefined,
);

/** Anything, on one line. */
export const TEXT: ValueType<string> = { expects: 'a line of text', parse: ok };

/** `maxBytes` where the kernel limits it: 107 for a whole socket path (unix(7)). */
export function absolutePath(maxBytes = 4_000): ValueType<string> {
  return simple(`an absolute path of at most ${maxBytes} bytes`, (text) => {
    if (!text.startsWith('/') || Buffer.byteLength(text) > maxBytes) return undefined;
    return text === '/' ? text : posix.normalize(text).replace(/\/$/, '');
  });
}

/** An empty value means undefined. */
export function optional<T>(type: ValueType<T>): ValueType<T | undefined> {
  return {
    expects: `${type.expects}, or empty`,
    parse: (text) => (text === '' ? ok(undefined) : type.parse(text)),
  };
}

/** Items with commas or spaces between; no item may stand twice. */
function list<T>(item: ValueType<T>, min: number, max: number): ValueType<readonly T[]> {
  const expects = `a list of ${min} to ${max}, each ${item.expects}`;
  return {
    expects,
    parse: (text) => {
      const values: T[] = [];
      for (const word of text.split(/[\s,]+/).filter((part) => part !== '')) {
        const parsed = item.parse(word);
        if (!parsed.ok) return parsed;
        if (values.includes(parsed.value)) return refuse(`${quote(word)} stands twice`);
        values.push(parsed.value);
      }
      return values.length < min || values.length > max
        ? refuse(`${quote(text)} is not ${expects}`)
        : ok(values);
    },
  };
}

export const PORTS = list(simple('a port number from 1 to 65535 (no names, no ranges)', port), 1, MAX_PORTS);

function port(text: string): number | undefined {
  return /^[0-9]+$/.test(text) ? decimal(text, 1, 65_535) : undefined;
}

/** `eth0` of `eth0:0`: that is an address of it with a label, no interface; its packets come by eth0, and knockd hears them there. */
export function withoutLabel(name: string): string {
  return name.replace(/^([^:]+):.*$/, '$1');
}

/** What is to be said of an interface that is written with a label. */
export function labelRemark(name: string): string | undefined {
  return withoutLabel(name) === name
    ? undefined
    : `${name} is a label of an address, no interface: knocks are heard on ${withoutLabel(name)}, at all addresses`;
}

/** A name of a network interface: what the kernel lets be one (IFNAMSIZ). */
export const INTERFACE_NAME = simple(
  `any, or an interface name of at most ${MAX_INTERFACE} characters without / + quotes and white space`,
  (written) => {
    const text = withoutLabel(written);
    const isName = /^[\x21-\x7e]+$/.test(text) && text.length <= MAX_INTERFACE;
    // To iptables + is a pattern, and a quote the beginning of a word: such names could not be told to it.
    return isName && !/["\\'/+]/.test(text) && text !== '.' && text !== '..' ? text : undefined;
  },
);

export const INTERFACES: ValueType<readonly string[]> = {
  expects: 'any, or interface names',
  parse: (text) => {
    const names = list(INTERFACE_NAME, 1, 32).parse(text);
    return names.ok && names.value.length > 1 && names.value.includes('any')
      ? refuse(`${quote(text)}: any takes in all others; write it alone`)
      : names;
  },
};

/** The listener gives root up: it must not be root itself. */
export const USER = simple('the name of a user other than root', (text) =>
  /^[a-z_][a-z0-9_.-]{0,31}$/i.test(text) && text !== 'root' ? text : undefined,
);

export const FAMILY_LIST: ValueType<readonly Family[]> = list(
  simple('ipv4 or ipv6', (text) => (text === 'ipv4' ? 4 : text === 'ipv6' ? 6 : undefined)),
  1,
  2,
);

/** Literal addresses, at most one a family, in canonical form. */
export const ADDRESSES: ValueType<readonly string[]> = {
  expects: 'an IPv4 or IPv6 address, or one of each, or empty',
  parse: (text) => {
    const found = new Map<Family, string>();
    for (const word of text.split(/[\s,]+/).filter((part) => part !== '')) {
      const parsed = parseAddress(word);
      if (!parsed.ok) return parsed;
      const { family, text: canonical } = parsed.value;
      if (found.has(family)) return refuse(`${quote(text)}: one IPv${family} address is the most`);
      found.set(family, canonical);
    }
    return ok([...found.values()]);
  },
};

/** A chain of the filter table that packets to a service pass. */
export const CHAIN = simple(
  `a chain such as INPUT, FORWARD or DOCKER-USER (at most ${MAX_CHAIN} letters, digits and _ . : + -)`,
  (text) =>
    /^[A-Za-z0-9_.:+][A-Za-z0-9_.:+-]*$/.test(text) && text.length <= MAX_CHAIN && !NO_CHAINS.includes(text)
      ? text
      : undefined,
);

/** The name of a service: it becomes part of chain and set names. */
export function isServiceName(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_-]{0,15}$/.test(text);
}
