import { parseNetwork, quote } from '../../base/address.js';
import type { AddressCommand } from '../../base/commands.js';
import { KnockError } from '../../base/errors.js';
import { listsNamed } from '../../base/lists.js';
import { parseTrustee } from '../../config/trusted.js';
import { MAX_TARGET } from '../../wire/control.js';
import type { Context } from '../context.js';

/** More bad lines than this are counted. */
const SHOWN = 20;

/** The targets of a verb: the words of the command line, and the lines of --file. Lines that cannot be are refused by their number. */
export function gatherTargets(
  context: Context,
  verb: AddressCommand,
  words: readonly string[],
  file: string | undefined,
): string[] {
  const sources = [...words.filter((word) => word === '-'), ...(file === undefined ? [] : [file])];
  const faults: string[] = [];
  const fromFiles = sources.flatMap((source) => {
    const name = source === '-' ? 'standard input' : source;
    return linesOf(context.readInput(source)).map(({ line, target }) => {
      const fault = faultOf(verb, target);
      if (fault !== undefined) faults.push(`${name}:${line}: ${fault}`);
      return target;
    });
  });
  const typed = words.filter((word) => word !== '-');
  faults.push(...typed.filter((word) => word.length > MAX_TARGET).map(tooLong));
  if (faults.length === 0) return [...typed, ...fromFiles];
  const more = faults.length - SHOWN;
  const shown = [...faults.slice(0, SHOWN), ...(more > 0 ? [`… and ${more} more`] : [])];
  throw new KnockError(shown.join('\n'), { hint: 'nothing was changed' });
}

function linesOf(text: string): { readonly line: number; readonly target: string }[] {
  return text
    .split(/\r?\n/)
    .map((line, index) => ({ line: index + 1, target: line.replace(/#.*$/, '').trim() }))
    .filter(({ target }) => target !== '');
}

/** Why a verb takes no such target at all; what it does not take at this moment, the supervisor says. */
function faultOf(verb: AddressCommand, target: string): string | undefined {
  if (target.length > MAX_TARGET) return tooLong(target);
  if (verb === 'flush' && listsNamed(target) !== undefined) return undefined;
  const parsed = verb === 'trust' || verb === 'untrust' ? parseTrustee(target) : parseNetwork(target);
  return parsed.ok ? undefined : parsed.reason;
}

function tooLong(target: string): string {
  return `${quote(target)} is too long to be an address, a network or a host name`;
}
