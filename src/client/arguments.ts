import { parseArgs } from 'node:util';

import type { Family } from '../base/address.js';
import { ok, refuse, type Result } from '../base/result.js';
import type { Protocol } from '../knock/door.js';
import { servicePort } from './services.js';

/** One packet to send. */
export interface Knock {
  readonly protocol: Protocol;
  /** 1 to 65535. */
  readonly port: number;
  /** The port as the user wrote it, for messages: a number or the name of a service. */
  readonly portText: string;
}

/** What `knock HOST PORT…` is to do. */
export interface KnockPlan {
  /** A literal address or a name; not empty. */
  readonly host: string;
  /** The only family that will do; undefined: whichever the host's first address has. */
  readonly family: Family | undefined;
  /** At least one, in the order in which they go out. */
  readonly knocks: readonly Knock[];
  /** How long to wait after each knock, the last included, in milliseconds. */
  readonly delayMs: number;
  readonly verbose: boolean;
}

export type Request =
  | { readonly kind: 'knock'; readonly plan: KnockPlan }
  | { readonly kind: 'version' }
  /** The usage is asked for, or needed: then `problem` says what was wrong with the words given. */
  | { readonly kind: 'usage'; readonly problem: string | undefined };

const OPTIONS = {
  udp: { type: 'boolean', short: 'u' },
  delay: { type: 'string', short: 'd' },
  ipv4: { type: 'boolean', short: '4' },
  ipv6: { type: 'boolean', short: '6' },
  verbose: { type: 'boolean', short: 'v' },
  version: { type: 'boolean', short: 'V' },
  help: { type: 'boolean', short: 'h' },
} as const;

const MAX_PORT = 65_535;
/** The longest that a timer of Node's can wait: 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647;

/**
 * Reads the words after `knock`: options and operands in any order. A refusal names the value. The
 * text of /etc/services is asked for only where a port is not a number.
 */
export function parseArguments(argv: readonly string[], services: () => string): Result<Request> {
  // Not strict: the checks below follow getopt, which takes `-d -5` as a delay of -5.
  const { tokens } = parseArgs({ args: [...argv], options: OPTIONS, strict: false, tokens: true });
  const flags = new Set<string>();
  const operands: string[] = [];
  let delay = '0';
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (!isOption(name)) return ok(usage(`unknown option ${rawName}`));
    if (name === 'help') return ok(usage());
    if (name === 'version') return ok({ kind: 'version' });
    if (name !== 'delay') {
      if (value !== undefined) return ok(usage(`option ${rawName} takes no value`));
      flags.add(name);
    } else {
      if (value === undefined) return ok(usage(`option ${rawName} needs a time in milliseconds`));
      delay = value;
    }
  }
  return plan(flags, delay, operands, services);
}

function plan(
  flags: ReadonlySet<string>,
  delay: string,
  [host, ...words]: readonly string[],
  services: () => string,
): Result<Request> {
  if (host === undefined || words.length === 0) return ok(usage());
  if (host === '') return refuse('the host is empty; give a name or an address');
  const four = flags.has('ipv4');
  if (four && flags.has('ipv6')) return refuse('-4 and -6 exclude each other; give one of them, or neither');
  const delayMs = parseDelay(delay);
  if (!delayMs.ok) return delayMs;
  const knocks: Knock[] = [];
  for (const word of words) {
    const knock = parseKnock(word, flags.has('udp'), services);
    if (!knock.ok) return knock;
    knocks.push(knock.value);
  }
  const family = four ? 4 : flags.has('ipv6') ? 6 : undefined;
  const verbose = flags.has('verbose');
  return ok({ kind: 'knock', plan: { host, family, knocks, delayMs: delayMs.value, verbose } });
}

function parseDelay(text: string): Result<number> {
  if (/^-[0-9]+$/.test(text)) return refuse('delay cannot be negative');
  if (!/^[0-9]+$/.test(text) || Number(text) > MAX_DELAY_MS) {
    return refuse(`delay '${text}' is not a number of milliseconds from 0 to ${MAX_DELAY_MS}`);
  }
  return ok(Number(text));
}

/** `PORT[:PROTO]`: only `udp` in lower case means UDP; knockd's client takes all else for TCP. */
function parseKnock(word: string, allUdp: boolean, services: () => string): Result<Knock> {
  const colon = word.indexOf(':');
  const portText = colon === -1 ? word : word.slice(0, colon);
  const protocol: Protocol = allUdp || (colon !== -1 && word.slice(colon + 1) === 'udp') ? 'udp' : 'tcp';
  const numeric = /^[0-9]+$/.test(portText);
  const port = numeric ? Number(portText) : servicePort(services(), portText, protocol);
  if (port === undefined) {
    return refuse(`port '${portText}' is neither a number nor the name of a service in /etc/services`);
  }
  if (port < 1 || port > MAX_PORT) return refuse(`port ${portText} is not from 1 to ${MAX_PORT}`);
  return ok({ protocol, port, portText });
}

function isOption(name: string): name is keyof typeof OPTIONS {
  return Object.hasOwn(OPTIONS, name);
}

function usage(problem?: string): Request {
  return { kind: 'usage', problem };
}
