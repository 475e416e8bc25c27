import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

import { ok, refuse, type Result } from './result.js';

export type Family = 4 | 6;

/** Both families, in the order of processing. */
export const FAMILIES: readonly Family[] = [4, 6];

/**
 * An address or network, validated and normalised: `text` is canonical (RFC 5952 for IPv6; host bits cleared; no `/32`
 * or `/128`), so equal networks have equal texts. It is safe as a word of an ipset or iptables line.
 */
export interface Network {
  readonly family: Family;
  readonly text: string;
  /** Prefix length in bits: 32 or 128 for a single address. */
  readonly prefix: number;
}

/** The longest possible address: IPv6 with an embedded IPv4 address and a prefix. */
const MAX_TEXT = 50;
/** Begins the text of an IPv4-mapped address (RFC 5952, section 5). */
const MAPPED = '::ffff:';
const PREFIX = /^(?:0|[1-9][0-9]{0,2})$/;

/** Returns the number of bits of an address. */
export function addressBits(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** True for a single address, false for a network. */
export function isHost(network: Network): boolean {
  return network.prefix === addressBits(network.family);
}

/**
 * Characters that JSON does not escape but a terminal may interpret: C1 controls, and marks that change the direction
 * of writing.
 */
const UNPRINTABLE = /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Returns a short, printable form of untrusted text, for messages. */
export function quote(text: string): string {
  const cut = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return JSON.stringify(cut).replaceAll(
    UNPRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** What `::ffff:1.2.3.4` is: to people and packets 1.2.3.4, in a set or a rule of the kernel an IPv6 address like any other. */
type Mapped = 'IPv4' | 'IPv6';

/**
 * Parses a literal IPv4 or IPv6 address or network. Refuses host names, zone ids, white space, octal or shortened IPv4
 * forms and words that look like options; `::ffff:1.2.3.4` is 1.2.3.4.
 */
export function parseNetwork(input: string): Result<Network> {
  return parse(input, 'IPv4');
}

/** The same for what the kernel has in a set or a rule: its family is that of the set, so `::ffff:1.2.3.4` stays as it is. */
export function parseKernelNetwork(printed: string): Result<Network> {
  return parse(printed, 'IPv6');
}

/**
 * What an IPv4-mapped address that somebody types names besides, where an IPv6 set of the kernel has it: by `parseNetwork` it is an
 * IPv4 address. Undefined for any other text.
 */
export function mappedNetwork(typed: string): Network | undefined {
  const parsed = parseKernelNetwork(typed);
  return parsed.ok && parsed.value.text.startsWith(MAPPED) ? parsed.value : undefined;
}

function parse(input: string, mapped: Mapped): Result<Network> {
  if (input.length > MAX_TEXT) return refuse(`${quote(input)} is too long to be an address`);
  if (input.includes('%')) return refuse(`${quote(input)}: an address with a zone id is not accepted`);
  const slash = input.indexOf('/');
  const literal = slash === -1 ? input : input.slice(0, slash);
  const kind = isIP(literal);
  if (kind === 0) return refuse(`${quote(input)} is not an IPv4 or IPv6 address or network`);
  // Already canonical, because isIP accepts no leading zeros; most of a batch of 100,000 are of this kind.
  if (kind === 4 && slash === -1) return ok({ family: 4, prefix: 32, text: literal });
  const parsed = ipaddr.parse(kind === 4 ? literal : withoutDots(literal));
  const bits = kind === 4 ? 32 : 128;
  const prefixText = slash === -1 ? String(bits) : input.slice(slash + 1);
  if (!PREFIX.test(prefixText) || Number(prefixText) > bits) {
    return refuse(`${quote(input)}: the prefix length must be a number from 0 to ${bits}`);
  }
  const prefix = Number(prefixText);
  if (mapped === 'IPv4' && parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) {
    if (prefix < 96) return refuse(`${quote(input)}: an IPv4-mapped network needs a prefix of 96 to 128`);
    return ok(normalise(parsed.toIPv4Address(), prefix - 96));
  }
  return ok(normalise(parsed, prefix));
}

/** Parses a single literal address: like parseNetwork, but refuses a network. */
export function parseAddress(input: string): Result<Network> {
  const parsed = parseNetwork(input);
  if (parsed.ok && !isHost(parsed.value)) {
    return refuse(`${quote(input)} is a network; a single address is needed here`);
  }
  return parsed;
}

/** True if every address of `inner` is in `outer`. */
export function contains(outer: Network, inner: Network): boolean {
  return outer.family === inner.family && outer.prefix <= inner.prefix && matches(outer, inner, outer.prefix);
}

/** Returns the 4 or 16 bytes of the network's first address, in network order. */
export function addressBytes(network: Network): number[] {
  return ipaddr.parse(withoutPrefix(network.text)).toByteArray();
}

/** Rewrites the dotted end of an IPv6 literal as groups: ipaddr.js takes `::1.2.3.4` for `::ffff:1.2.3.4`. */
function withoutDots(literal: string): string {
  return literal.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...bytes: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
}

function withoutPrefix(text: string): string {
  const slash = text.indexOf('/');
  return slash === -1 ? text : text.slice(0, slash);
}

function matches(a: Network, b: Network, bits: number): boolean {
  const left = ipaddr.parse(withoutPrefix(a.text));
  const right = ipaddr.parse(withoutPrefix(b.text));
  return left.match(right, bits);
}

function normalise(address: ipaddr.IPv4 | ipaddr.IPv6, prefix: number): Network {
  const bytes = address.toByteArray();
  const masked = bytes.map((byte, index) => {
    const keep = Math.min(8, Math.max(0, prefix - index * 8));
    return byte & (0xff00 >> keep) & 0xff;
  });
  const family: Family = bytes.length === 4 ? 4 : 6;
  const network = ipaddr.fromByteArray(masked);
  const isMapped = network instanceof ipaddr.IPv6 && network.isIPv4MappedAddress();
  const text = isMapped ? `${MAPPED}${network.toIPv4Address().toString()}` : network.toString();
  return { family, prefix, text: prefix === addressBits(family) ? text : `${text}/${prefix}` };
}
