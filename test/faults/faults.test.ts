/** A sample of every row of the table of faults. In full, with all combinations: `npm run test:faults`. */
import { describe, test } from 'node:test';

import { COMBINATIONS, withDoors, type Combination, type Row } from './row.js';
import { ROWS } from './rows/index.js';
import { runRow } from './runner.js';
import { SOAK_ROW } from './soak.js';

/** The same moments each time; `npm run test:faults` takes others. */
const SEED = 20_261_121;

// They wait for the switch and for heartbeats most of their time; more at once would measure one another.
describe('the table of faults', { concurrency: 2 }, () => {
  for (const [index, { row, combination }] of samples().entries()) {
    const { backend, family, kernelDoors } = combination;
    const where = `${backend}, IPv${family}${kernelDoors === true ? ', doors in the kernel' : ''}`;
    test(`${row.number}: ${row.fault} (${where})`, async (context) => {
      const { measured } = await runRow(row, combination, { full: false, seed: SEED + index });
      const ms = measured.ms === undefined ? [] : [`${measured.ms.toFixed(0)} ms`];
      context.diagnostic([...ms, measured.words ?? ''].join(' ').trim());
    });
  }
});

/**
 * Every row once, each in the next combination; or in those that it asks for. Every third of those that touch rules also
 * with doors in the kernel.
 */
function samples(): readonly { readonly row: Row; readonly combination: Combination }[] {
  let next = 0;
  let touching = 0;
  return inOrder([...ROWS, SOAK_ROW]).flatMap((row) => {
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
