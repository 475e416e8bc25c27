import { parseArgs } from 'node:util';

import type { Family } from '../base/address.js';
import { errorText } from '../base/errors.js';
import { ok, refuse, type Result } from '../base/result.js';
import type { Protocol } from '../knock/door.js';
import { OPTIONS } from './options.js';
import { servicePort } from './services.js';

/** One packet to send. */
export interface Knock {
  readonly protocol: Protocol;
  /** 1 to 65535. */
  readonly port: number;
  /** The port as the user wrote it, for messages: a number or the name of a service. */
  readonly portText: string;
}

/** What `knock HOST PORT…` should do. */
export interface KnockPlan {
  /** A literal address or a name; not empty. */
  readonly host: string;
  /** The required family, or both; undefined: the family of the host's first address. */
  readonly family: Family | 'both' | undefined;
  /** The interface by which the knocks must leave. */
  readonly interface: string | undefined;
  /** At least one, in sending order. */
  readonly knocks: readonly Knock[];
  /** How long to wait after each knock, including the last, in milliseconds. */
  readonly delayMs: number;
  /** How often the whole sequence is sent; 1 or more. */
  readonly times: number;
  readonly verbose: boolean;
  /** The command to run once all is sent. */
  readonly command: Command | undefined;
}

/** A program and its arguments, as execvp(3) takes them. */
export type Command = readonly [program: string, ...args: string[]];

type Request =
  | { readonly kind: 'knock'; readonly plan: KnockPlan }
  | { readonly kind: 'version' }
  /** The usage is requested, or needed: then `problem` says what is wrong with the arguments. */
  | { readonly kind: 'usage'; readonly problem: string | undefined };

const MAX_PORT = 65_535;
/** The longest timer of Node: 24.8 days. */
const MAX_DELAY_MS = 2_147_483_647;
/** More is certainly a mistake. */
const MAX_TIMES = 100;
/** A file of ports is short; a longer one is another file. */
const MAX_FILE = 4_096;

/** The parsed options, and the operands. */
interface Words {
  readonly flags: Set<string>;
  readonly operands: string[];
  delay: string;
  repeat: string;
  file: string | undefined;
  interface: string | undefined;
  command: readonly string[] | undefined;
}

/**
 * Parses the words after `knock`: options and operands in any order; the words after `--then` are a command and left as
 * they are. A refusal names the value. The text of /etc/services is read only if a port is not a number. `read` returns
 * the text of the file of `--file`; it throws if it cannot be read.
 */
export function parseArguments(
  argv: readonly string[],
  services: () => string,
  read: (file: string) => string = () => '',
): Result<Request> {
  // Not strict: the checks below follow getopt, which takes `-d -5` as a delay of -5.
  const { tokens } = parseArgs({ args: [...argv], options: OPTIONS, strict: false, tokens: true });
  const words: Words = {
    flags: new Set(),
    operands: [],
    delay: '0',
    repeat: '1',
    file: undefined,
    interface: undefined,
    command: undefined,
  };
  for (const token of tokens) {
    if (token.kind === 'positional') words.operands.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName, value } = token;
    if (!isOption(name)) return ok(usage(`unknown option ${rawName}`));
    if (name === 'help') return ok(usage());
    if (name === 'version') return ok({ kind: 'version' });
    if (name === 'delay') {
      if (value === undefined) return ok(usage(`option ${rawName} needs a time in milliseconds`));
      words.delay = value;
    } else if (name === 'repeat') {
      if (value === undefined) return ok(usage(`option ${rawName} needs a number of times`));
      words.repeat = value;
    } else if (name === 'file' || name === 'sequence-file') {
      if (value === undefined) return ok(usage(`option ${rawName} needs the name of a file, or -`));
      words.file = value;
    } else if (name === 'interface') {
      if (value === undefined) return ok(usage(`option ${rawName} needs the name of an interface`));
      words.interface = value;
    } else {
      if (value !== undefined) return ok(usage(`option ${rawName} takes no value`));
      words.flags.add(name);
    }
    if (name !== 'then') continue;
    words.command = argv.slice(token.index + 1);
    break;
  }
  return plan(words, services, read);
}

function plan(words: Words, services: () => string, read: (file: string) => string): Result<Request> {
  const [host, ...written] = words.operands;
  if (host === undefined || (written.length === 0 && words.file === undefined)) return ok(usage());
  if (words.file !== undefined && written.length > 0) {
    return refuse(`the ports are in ${words.file}: give no PORT, or omit --file`);
  }
  const ports = words.file === undefined ? ok(written) : portsOf(words.file, read);
  if (!ports.ok) return ports;
  const isPort = /^[0-9]{1,5}(?::[a-z]*)?$/.test(host);
  if (isPort) return refuse(`${host} is a port: the host is missing; knock HOST PORT[:PROTO]...`);
  if (host === '') return refuse('the host is empty; give a name or an address');
  if (words.interface === '') return refuse('the interface is empty; give a name such as eth0');
  const [program, ...args] = words.command ?? [];
  if (words.command !== undefined && !program) return ok(usage('option --then needs a command after it'));
  const command: Command | undefined = program === undefined ? undefined : [program, ...args];
  const family = parseFamily(words.flags);
  if (!family.ok) return family;
  const delayMs = parseDelay(words.delay);
  if (!delayMs.ok) return delayMs;
  const knocks: Knock[] = [];
  const times = parseTimes(words.repeat);
  if (!times.ok) return times;
  for (const port of ports.value) {
    const knock = parseKnock(port, words.flags.has('udp'), services);
    if (!knock.ok) return knock;
    knocks.push(knock.value);
  }
  return ok({
    kind: 'knock',
    plan: {
      host,
      family: family.value,
      interface: words.interface,
      knocks,
      delayMs: delayMs.value,
      times: times.value,
      verbose: words.flags.has('verbose'),
      command,
    },
  });
}

function parseFamily(flags: ReadonlySet<string>): Result<KnockPlan['family']> {
  const [four, six, both] = [flags.has('ipv4'), flags.has('ipv6'), flags.has('both')];
  if (four && six) return refuse('-4 and -6 exclude each other; give one of them, or neither');
  if (both && (four || six)) {
    return refuse(`--both and -${four ? 4 : 6} exclude each other; give one of them, or neither`);
  }
  return ok(both ? 'both' : four ? 4 : six ? 6 : undefined);
}

function parseDelay(text: string): Result<number> {
  if (/^-[0-9]+$/.test(text)) return refuse('delay cannot be negative');
  if (!/^[0-9]+$/.test(text) || Number(text) > MAX_DELAY_MS) {
    return refuse(`delay '${text}' is not a number of milliseconds from 0 to ${MAX_DELAY_MS}`);
  }
  return ok(Number(text));
}

function parseTimes(text: string): Result<number> {
  if (/^[0-9]+$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_TIMES) return ok(Number(text));
  return refuse(`--repeat '${text}' is not a number from 1 to ${MAX_TIMES}`);
}

/** Returns the words of a file, separated by blanks, commas or new lines; text after a # is a comment. */
function portsOf(file: string, read: (file: string) => string): Result<string[]> {
  const name = file === '-' ? 'standard input' : file;
  try {
    const text = read(file);
    if (text.length > MAX_FILE)
      return refuse(`${name} is longer than ${MAX_FILE} characters, too long for a sequence`);
    const ports = text
      .replaceAll(/#.*/g, '')
      .split(/[\s,]+/)
      .filter((word) => word !== '');
    return ports.length === 0 ? refuse(`${name} contains no ports: PORT[:PROTO]...`) : ok(ports);
  } catch (error) {
    return refuse(`the ports cannot be read from ${name}: ${errorText(error)}`);
  }
}

/** `PORT[:PROTO]`. What knockd's client takes for TCP, all but `udp`, is refused: a typing error would send another sequence. */
function parseKnock(word: string, allUdp: boolean, services: () => string): Result<Knock> {
  const colon = word.indexOf(':');
  const portText = colon === -1 ? word : word.slice(0, colon);
  const written = colon === -1 ? 'tcp' : word.slice(colon + 1);
  if (portText !== '' && written !== 'tcp' && written !== 'udp') {
    return refuse(`'${written}' in ${word} is no protocol; PORT:tcp or PORT:udp`);
  }
  const protocol: Protocol = allUdp || written === 'udp' ? 'udp' : 'tcp';
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
