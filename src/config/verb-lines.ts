import {
  COMMANDS as SUPERVISOR_COMMANDS,
  commandsThat,
  takes,
  type DoorVerb,
  type OptionName,
} from '../base/commands.js';
import { parseNetwork, quote } from '../base/address.js';
import { LISTS } from '../base/lists.js';
import { MAX_TIMEOUT_S } from '../base/limits.js';

import { parseCommand } from './knockd/commands.js';
import { didYouMean } from './nearest.js';
import { baseName, readShellLine, unwrap, type SimpleCommand } from './shell-line.js';
import { parseTrustee } from './trusted.js';
import { decimal } from './values.js';

/** Lines of doors that call knockctl, and are no verb that it carries out itself. Pure. */

/** What is wrong with such a line; `isError`: it cannot do what it was written for. */
interface VerbFault {
  readonly isError: boolean;
  readonly text: string;
}

/** All commands of knockctl: those of a supervisor, and those that are none of its business. */
export const COMMANDS: readonly string[] = [
  ...Object.keys(SUPERVISOR_COMMANDS),
  ...['check', 'doctor', 'init', 'import', 'client', 'install', 'uninstall', 'setup', 'run', 'knock', 'help'],
  ...['start', 'restart', 'condrestart', 'restartifdead'],
];

const VERBS = commandsThat('byDoors');

type Kind = 'value' | 'flag';

/** The options that can be typed, by their names in the command table; `value`: a word follows. */
const TYPED: readonly (readonly [OptionName, readonly string[], Kind])[] = [
  ['timeoutS', ['-t', '--timeout'], 'value'],
  ['service', ['--service'], 'value'],
  ['force', ['--force'], 'flag'],
  ['spare', ['--spare'], 'flag'],
  ['save', ['--save'], 'flag'],
  ['list', ['--from'], 'value'],
];

/** The options of a verb on the command line. */
export function optionsOf(verb: DoorVerb): ReadonlyMap<string, Kind> {
  const typed = TYPED.filter(([name]) => takes(verb, name));
  const words = typed.flatMap(([, all, kind]) => all.map((word) => [word, kind] as const));
  return new Map([...words, ['--file', 'value']]);
}
const GLOBAL: Readonly<Record<string, Kind>> = {
  '-c': 'value',
  '--config': 'value',
  '--json': 'flag',
};

/** Looks at a line of a door; undefined where it is a verb, or nothing of knockctl. */
export function verbFault(line: string): VerbFault | undefined {
  if (parseCommand(line).kind === 'verb') return undefined;
  const read = readShellLine(line);
  if (!read.ok) return roughFault(line);
  const { commands, comment } = read.value;
  const isMore = commands.length > 1 || commands.some(({ redirects }) => redirects.length > 0);
  const more = isMore
    ? 'more than one plain command'
    : comment === undefined
      ? undefined
      : 'a comment behind it';
  let remark: VerbFault | undefined;
  for (const command of commands) {
    const fault = commandFault(command, more);
    if (fault?.isError === true) return fault;
    remark ??= fault;
  }
  return remark;
}

/** Of a line that only a shell can read: the command must be one of knockctl's all the same. */
function roughFault(line: string): VerbFault | undefined {
  const { words } = unwrap(line.split(/[ \t]+/).filter((word) => word !== ''));
  const [program = '', command = ''] = words;
  if (baseName(program) !== 'knockctl' || !/^[a-z]+$/i.test(command)) return undefined;
  return COMMANDS.includes(command) ? undefined : unknownCommand(command);
}

function commandFault({ words: all }: SimpleCommand, more: string | undefined): VerbFault | undefined {
  const { words, wrappers } = unwrap(all);
  const [program = '', ...rest] = words;
  const name = baseName(program);
  // knockd as well is a name of ours in doors, but the init script of it has verbs of its own.
  if (name === 'knockd' && /^[a-z]{4,8}$/i.test(rest[0] ?? '') && rest.length > 1)
    return misspelt(rest[0] ?? '');
  if (name !== 'knockctl') return undefined;
  const args = withoutGlobals(rest);
  const [command = '', ...words2] = args;
  if (command === '') return error('it says no command: write knockctl accept %IP%');
  if (!COMMANDS.includes(command)) return unknownCommand(command);
  const verb = VERBS.find((one) => one === command);
  if (verb === undefined) return undefined;
  const targets = targetsOf(verb, words2);
  if ('isError' in targets) return targets;
  const why =
    wrappers.length > 0
      ? `${wrappers.join(' ')} in front of it is not needed`
      : args.length < rest.length
        ? 'with an option of its own in front'
        : (more ?? describeTargets(targets));
  return {
    isError: false,
    text: `it is no verb that knockctl carries out itself (${why}): the shell runs it, and the kernel does not know this door`,
  };
}

function misspelt(command: string): VerbFault | undefined {
  const hint = VERBS.some((verb) => verb === command) ? '' : didYouMean(command, VERBS);
  return hint === '' ? undefined : unknownCommand(command);
}

function unknownCommand(command: string): VerbFault {
  const hint = didYouMean(command, COMMANDS);
  return error(
    `knockctl has no command ${quote(command)}${hint === '' ? `; verbs of doors are ${VERBS.join(', ')}` : hint}`,
  );
}

function withoutGlobals(words: readonly string[]): readonly string[] {
  let at = 0;
  for (;;) {
    const word = words[at] ?? '';
    const kind = GLOBAL[word];
    if (kind !== undefined) at += kind === 'value' ? 2 : 1;
    else if (word.startsWith('--config=')) at += 1;
    else return words.slice(at);
  }
}

/** The addresses that the verb is told, or what is wrong with its words. */
function targetsOf(verb: DoorVerb, words: readonly string[]): readonly string[] | VerbFault {
  const targets: string[] = [];
  let isFile = false;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-') || word === '-') {
      targets.push(word);
      continue;
    }
    const [name = '', inline] = word.split(/=(.*)/s);
    const kind = optionsOf(verb).get(name) ?? GLOBAL[name];
    if (kind === undefined) {
      return error(`${verb} has no option ${quote(name)}${optionHint(verb, name)}`);
    }
    if (kind === 'flag') continue;
    const value = inline ?? words[(at += 1)];
    if (value === undefined) return error(`${name} needs a value`);
    const isTime = name === '--timeout' || name === '-t';
    if (isTime && (/^[+-]/.test(value) || decimal(value, 0, MAX_TIMEOUT_S) === undefined)) {
      return error(`${name} ${quote(value)}: a whole number of seconds from 0 to ${MAX_TIMEOUT_S} is needed`);
    }
    isFile ||= name === '--file';
  }
  if (targets.length === 0 && !isFile) {
    return error(`${verb} is told no address: write %IP% for the one that knocked`);
  }
  const wrong = targets.find((target) => !isTarget(verb, target));
  return wrong === undefined
    ? targets
    : error(`${quote(wrong)} is no address: %IP%, in capitals, stands for the one that knocked`);
}

function optionHint(verb: DoorVerb, name: string): string {
  const known = [...optionsOf(verb).keys()];
  const longer = known.find((option) => name.length > 3 && option.startsWith(name));
  return longer === undefined ? didYouMean(name, known) : ` (did you mean ${longer}?)`;
}

function isTarget(verb: DoorVerb, target: string): boolean {
  // %IP% may become an address of either family.
  const texts = ['192.0.2.1', '2001:db8::1'].map((address) => target.replaceAll('%IP%', address));
  return texts.some((text) => {
    if (verb === 'trust' || verb === 'untrust') return parseTrustee(text).ok;
    const isList = verb === 'flush' && (LISTS.some((list) => list === text) || text === 'all');
    return isList || parseNetwork(text).ok;
  });
}

function describeTargets(targets: readonly string[]): string {
  const [only = '', another] = targets;
  if (another !== undefined) return 'with several addresses';
  if (only === '%IP%') return 'with an option that only the command line has';
  return only.includes('%IP%')
    ? `of ${only}, which is more than the address that knocked`
    : `of ${only}, whoever knocked`;
}

function error(text: string): VerbFault {
  return { isError: true, text };
}
