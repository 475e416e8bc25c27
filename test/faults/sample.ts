import { COMBINATIONS, withDoors, type Combination, type Row } from './row.js';

/**
 * Every row once, each in the next combination; or in those that it asks for. Every third of those that touch rules also
 * with doors in the kernel.
 */
export function samples(
  rows: readonly Row[],
): readonly { readonly row: Row; readonly combination: Combination }[] {
  let next = 0;
  let touching = 0;
  return inOrder(rows).flatMap((row) => {
    const combinations = row.sample ?? COMBINATIONS.slice(next % 4, (next % 4) + 1);
    if (row.sample === undefined) next += 1;
    if (row.touchesRules === true) touching += 1;
    const more = row.touchesRules === true && touching % 3 === 1;
    const extra = more ? COMBINATIONS.slice(next % 4, (next % 4) + 1).map(withDoors) : [];
    return [...combinations, ...extra].map((combination) => ({ row, combination }));
  });
}

/** Those that take longest first: so that they do not run on alone at the end. */
function inOrder(rows: readonly Row[]): readonly Row[] {
  const longest = [60, 29, 7, 45, 30, 37];
  const rank = ({ number }: Row): number => (longest.includes(number) ? longest.indexOf(number) : 100);
  return [...rows].sort((one, other) => rank(one) - rank(other));
}
