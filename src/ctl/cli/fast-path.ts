import { MAX_TARGET, type Request } from '../../wire/control.js';
import { COMMANDS, isCommand, type AddressCommand } from '../../base/commands.js';
import { addressRequest } from './requests.js';

/** A command line of the plainest kind. */
interface PlainCommand {
  /** The file given with -c. */
  readonly config: string | undefined;
  readonly request: (session: string | undefined) => Request;
}

/** A word that can be nothing but a target. */
const TARGET = /^[0-9A-Za-z][\w.:/-]*$/;

/**
 * A verb and words that are no options, with `-c FILE` before them at most: what doors, scripts and hands call most. To
 * load what understands everything else takes a third of the time of such a call. Undefined for all others.
 */
export function plainCommand(argv: readonly string[]): PlainCommand | undefined {
  const config = argv[0] === '-c' || argv[0] === '--config' ? argv[1] : undefined;
  const [verb = '', ...targets] = config === undefined ? argv : argv.slice(2);
  const isPlain = targets.every((word) => TARGET.test(word) && word.length <= MAX_TARGET);
  if (config === '' || !isVerb(verb) || targets.length === 0 || !isPlain) return undefined;
  return { config, request: (session) => addressRequest(verb, targets, {}, session) };
}

function isVerb(word: string): word is AddressCommand {
  return isCommand(word) && COMMANDS[word].targets;
}
