/** Which combinations of back end, family and the like a test runs in: a sample in `npm test`, all in `npm run test:long`. */

/** Whether all of it is to run: all combinations, and all of the random cases. */
export const IS_WHOLE = process.env['KNOCKCTL_MATRIX'] === 'whole';

/** Each file begins elsewhere, by its path in this repository, so that first tests, the longest ones, do not all run in the first combination. */
const FILE = process.argv[1]?.split('/dist/').at(-1) ?? '';
let turn = Buffer.from(FILE).reduce((sum, byte) => sum + byte, 0);

/**
 * One of `all`, the next one at each call, so that the tests of a file take turns at them; with KNOCKCTL_MATRIX=whole, all of them.
 */
export function inTurns<T>(all: readonly T[]): readonly T[] {
  if (IS_WHOLE) return all;
  const at = turn % all.length;
  turn += 1;
  return all.slice(at, at + 1);
}
