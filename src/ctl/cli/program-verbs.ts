import { InvalidArgumentError, Option, type Command } from 'commander';

import { listNamed, type ListName } from '../../base/lists.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { Request } from '../../wire/control.js';
import { commandsThat, takes, type AddressCommand, type OptionName } from '../../base/commands.js';
import { addressRequest, type AddressOptions } from './requests.js';

/** Makes the request of a verb, once its targets are known. */
type MakeRequest = (targets: readonly string[], session: string | undefined) => Request;

/** Carries a command out on the targets that stand as words and in a file. */
type ActVerb = (
  verb: AddressCommand,
  request: MakeRequest,
  words: readonly string[],
  file: string | undefined,
) => Promise<void>;

/** What the command line says of a command on addresses. */
interface Help {
  readonly description: string;
  readonly targets: string;
}

const TIMEOUT = new Option('-t, --timeout <s>', 'for so many seconds; 0 is for ever').argParser(parseSeconds);
const SERVICE = new Option('--service <name>', 'at this service (default: ssh, else the first)').argParser(
  parseService,
);
const FORCE = new Option('--force', 'although it is very wide, trusted, or your own session');
const SPARE = new Option(
  '--spare',
  'leave alone who is let in or trusted, and ban the others: for other programs',
);
const FROM = new Option('--from <list>', 'addresses out of this list only: filter or banned').argParser(
  parseFrom,
);
const SAVE = new Option('--save', 'in the trusted file too, its comments kept');
const FILE = new Option('--file <file>', 'take more of them from a file, one a line; - is standard input');

/** The options of base/commands.ts that an administrator can type. */
const OPTIONS: readonly (readonly [OptionName, Option])[] = [
  ['timeoutS', TIMEOUT],
  ['service', SERVICE],
  ['force', FORCE],
  ['save', SAVE],
  ['spare', SPARE],
  ['list', FROM],
];

const HELP: Readonly<Record<AddressCommand, Help>> = {
  accept: {
    description: 'let addresses connect for a time; again: the time starts anew',
    targets: 'addresses or networks',
  },
  drop: {
    description: 'ban addresses; refuses the trusted, and your own session',
    targets: 'addresses or networks',
  },
  trust: {
    description: 'whitelist addresses, networks or hosts',
    targets: 'addresses, networks or host names',
  },
  untrust: {
    description: 'take addresses, networks or hosts off the whitelist',
    targets: 'addresses, networks or host names',
  },
  flush: {
    description: 'take addresses out of filter and banned, or empty a list',
    targets: 'addresses, or one of: filter banned trusted all',
  },
};

/** Adds the commands that act on addresses to the program. */
export function addVerbs(program: Command, act: ActVerb): void {
  for (const name of commandsThat('targets')) {
    const { description, targets } = HELP[name];
    const command = program.command(name).description(description).argument('[addr...]', targets);
    for (const [option, typed] of OPTIONS) if (takes(name, option)) command.addOption(typed);
    command.addOption(FILE);
    command.action(async (words: readonly string[], given: AddressOptions) =>
      act(name, (found, session) => addressRequest(name, found, given, session), words, given.file),
    );
  }
}

/** The supervisor believes no longer name; no service has one. */
function parseService(text: string): string {
  if (text.length > 64) throw new InvalidArgumentError('no service has so long a name.');
  return text;
}

function parseFrom(text: string): ListName {
  const list = listNamed(text);
  if (list === 'filter' || list === 'banned') return list;
  throw new InvalidArgumentError('one of filter (or accepted), banned is needed.');
}

function parseSeconds(text: string): number {
  const value = /^\d{1,7}$/.test(text) ? Number(text) : NaN;
  if (!(value <= MAX_TIMEOUT_S)) {
    throw new InvalidArgumentError(
      `a whole number of seconds from 0 (for ever) to ${MAX_TIMEOUT_S} is needed.`,
    );
  }
  return value;
}
