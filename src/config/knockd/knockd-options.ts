import { ok, refuse, type Result } from '../../base/result.js';
import type { FrontOptions } from '../load-options.js';
import { INTERFACE_NAME, withoutLabel } from '../values.js';

/** What `knockd …` is asked to do. Paths are as they were written. */
export interface KnockdRequest {
  readonly kind: 'run' | 'help' | 'version';
  readonly front: FrontOptions;
  readonly daemon: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
}

interface Option {
  readonly short: string;
  readonly long: string;
  /** What a value is called in the usage; undefined: it takes none. */
  readonly value?: string;
  readonly meaning: string;
}

/** The options of knockd 0.8 (knockd(1), and `knockd -h` for the two that the manual page leaves out). */
const OPTIONS: readonly Option[] = [
  {
    short: 'i',
    long: 'interface',
    value: 'IF',
    meaning: 'listen on IF alone; any (the default) is all of them',
  },
  { short: 'd', long: 'daemon', meaning: 'go to the background once knocks are heard' },
  { short: 'c', long: 'config', value: 'FILE', meaning: 'the knockd.conf with the doors' },
  { short: 'D', long: 'debug', meaning: 'say how the configuration was understood, and as -v' },
  { short: 'l', long: 'lookup', meaning: 'look up the host names of sources for the log' },
  { short: 'p', long: 'pidfile', value: 'FILE', meaning: 'pid file, unless PidFile names one' },
  { short: 'g', long: 'logfile', value: 'FILE', meaning: 'log file, unless LogFile names one' },
  { short: 'v', long: 'verbose', meaning: 'print the lines of the log too, without their time' },
  { short: '4', long: 'only-ip-v4', meaning: 'hear knocks over IPv4 only' },
  { short: 'V', long: 'version', meaning: 'print the version' },
  { short: 'h', long: 'help', meaning: 'print this' },
];

/** Where knockd puts its pid without another word (knockd(1), PidFile). */
export const DEFAULT_PID_FILE = '/var/run/knockd.pid';

/** What `knockd -h` prints. */
export const USAGE = `usage: knockd [options]
knockctl by the name of knockd: runs the doors of a knockd.conf, supervised.

${OPTIONS.map(({ short, long, value, meaning }) => {
  const words = `-${short}, --${long}${value === undefined ? '' : ` ${value}`}`;
  return `  ${words.padEnd(22)}  ${meaning}\n`;
}).join('')}
Doors are read from /etc/knockctl/knockd.conf, else /etc/knockd.conf, without -c. The pid file is ${DEFAULT_PID_FILE}
without -p. Where there is an /etc/knockctl/knockctl.conf, it counts too. SIGHUP reads all of it again, SIGTERM ends.
A log without any other place for it is kept in the state folder, unless it is printed.
Exit status: 0 done, or in the background; 1 it runs already; 64 usage; 69 the network or the firewall cannot be used;
77 not root; 78 configuration error.
`;

/** One option as it was found among the words. */
interface Found {
  readonly option: Option;
  readonly value: string;
}

/**
 * Reads the words after `knockd` as getopt_long(3) does for it: bundles (`-dvi eth0`), values in the same word or the
 * next, long names as short as they are unique, the last one of an option wins, what is no option is passed over. The
 * first of -h, -V and a wrong option decides. A refusal says what is wrong.
 */
export function parseKnockdOptions(argv: readonly string[]): Result<KnockdRequest> {
  const request = { kind: 'run' as KnockdRequest['kind'], daemon: false, verbose: false, debug: false };
  let front: FrontOptions = {};
  for (const found of readOptions(argv)) {
    if (!found.ok) return found;
    const { option, value } = found.value;
    if (option.long === 'help' || option.long === 'version')
      return ok({ ...request, kind: option.long, front });
    if (option.value !== undefined && value === '') return refuse(`--${option.long} needs ${option.value}`);
    if (option.long === 'interface' && !INTERFACE_NAME.parse(value).ok) {
      return refuse(`--interface needs ${INTERFACE_NAME.expects}`);
    }
    if (option.long === 'daemon' || option.long === 'verbose' || option.long === 'debug') {
      request[option.long] = true;
    } else front = { ...front, ...meaning(option.long, value) };
  }
  return ok({ ...request, front });
}

function meaning(name: string, value: string): FrontOptions {
  switch (name) {
    case 'interface':
      return { interface: withoutLabel(value) };
    case 'config':
      return { doors: value };
    case 'pidfile':
      return { pidFile: value };
    case 'logfile':
      return { logFile: value };
    case 'lookup':
      return { lookup: true };
    default:
      return { onlyIpv4: true };
  }
}

function* readOptions(argv: readonly string[]): Generator<Result<Found>> {
  const words = [...argv];
  for (let word = words.shift(); word !== undefined && word !== '--'; word = words.shift()) {
    if (word.startsWith('--')) yield readLong(word.slice(2), words);
    else if (word.startsWith('-')) yield* readBundle(word.slice(1), words);
  }
}

function readLong(text: string, words: string[]): Result<Found> {
  const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
  const exact = OPTIONS.filter(({ long }) => long === name);
  const found = exact.length > 0 ? exact : OPTIONS.filter(({ long }) => long.startsWith(name));
  const [option] = found;
  if (option === undefined) return refuse(`there is no option --${name}`);
  if (found.length > 1)
    return refuse(`--${name} may be ${found.map(({ long }) => `--${long}`).join(' or ')}`);
  if (option.value === undefined && value !== undefined) return refuse(`--${option.long} takes no value`);
  return withValue(option, value, words);
}

function* readBundle(text: string, words: string[]): Generator<Result<Found>> {
  for (let at = 0; at < text.length; at++) {
    const option = OPTIONS.find(({ short }) => short === text[at]);
    if (option === undefined) {
      yield refuse(`there is no option -${text[at] ?? ''}`);
      return;
    }
    const rest = text.slice(at + 1);
    yield withValue(option, rest === '' ? undefined : rest, words);
    if (option.value !== undefined) return;
  }
}

function withValue(option: Option, value: string | undefined, words: string[]): Result<Found> {
  if (option.value === undefined) return ok({ option, value: '' });
  const found = value ?? words.shift();
  return found === undefined
    ? refuse(`--${option.long} needs ${option.value}`)
    : ok({ option, value: found });
}
