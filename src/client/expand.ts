import { parseArgs } from 'node:util';

import { ok, refuse, type Result } from '../base/result.js';
import { isProfileName, readProfile } from './profile.js';
import { OPTIONS } from './options.js';

/** Where the words of `knock NAME` and `knock -` come from. */
interface WordSources {
  /** The folder of the profiles; undefined: none. */
  readonly folder: string | undefined;
  /** The text of a file, `-` being standard input; throws where it cannot be read. */
  readonly read: (file: string) => string;
}

const FAMILY_FLAGS: readonly string[] = ['ipv4', 'ipv6', 'both'];
const MAX_INPUT = 4_096;

/**
 * The words that `knock NAME` and `knock -` stand for; all others as they are. Options of the command line count more than those
 * of the profile. Nothing of it is seen in a list of processes.
 */
export function expandWords(
  argv: readonly string[],
  { folder, read }: WordSources,
): Result<readonly string[]> {
  const { tokens } = parseArgs({ args: [...argv], options: OPTIONS, strict: false, tokens: true });
  const then = tokens.find((token) => token.kind === 'option' && token.name === 'then');
  const end = then?.index ?? argv.length;
  const before = tokens.filter(({ index }) => index < end);
  const operands = before.flatMap((token) => (token.kind === 'positional' ? [token] : []));
  const names = new Set(before.flatMap((token) => (token.kind === 'option' ? [token.name] : [])));
  const [only] = operands;
  if (
    only === undefined ||
    operands.length > 1 ||
    ['file', 'sequence-file', 'help', 'version'].some((name) => names.has(name))
  ) {
    return ok(argv);
  }
  const given = argv.slice(0, end).filter((_word, index) => index !== only.index && argv[index] !== '--');
  const behind = argv.slice(end);
  if (only.value === '-') {
    const words = wordsOf(read('-'));
    if (words === undefined) return refuse('standard input is no host and ports: HOST PORT[:PROTO]...');
    return ok([...given, ...words, ...behind]);
  }
  if (folder === undefined || !isProfileName(only.value)) return ok(argv);
  const profile = readProfile(folder, only.value, read);
  if (profile === 'absent') {
    return refuse(
      `no ports were given for ${only.value}, and there is no ${folder}/${only.value} that names them`,
    );
  }
  if (!profile.ok) return profile;
  const { options, host, ports, command } = profile.value;
  const hasFamily = FAMILY_FLAGS.some((name) => names.has(name));
  const kept = options.filter((word) => !(hasFamily && /^(?:-[46]|--both)$/.test(word)));
  const last = behind.length > 0 ? behind : command === undefined ? [] : ['--then', ...command];
  return ok([...kept, ...given, host, ...ports, ...last]);
}

/** The words of a text, comments aside; undefined where there are none, or far too many. */
function wordsOf(text: string): readonly string[] | undefined {
  if (text.length > MAX_INPUT) return undefined;
  const words = text
    .replaceAll(/#.*/g, '')
    .split(/[\s,]+/)
    .filter((word) => word !== '');
  return words.length < 2 || words.some((word) => word.startsWith('-')) ? undefined : words;
}
