/** A sample of every row of the table of faults. In full, with all combinations: `npm run test:faults`. */
import { describe, test } from 'node:test';

import { COMBINATIONS, type Combination, type Row } from './row.js';
import { ROWS } from './rows/index.js';
import { runRow } from './runner.js';
import { SOAK_ROW } from './soak.js';

/** The same moments each time; `npm run test:faults` takes others. */
const SEED = 20_261_121;

// They wait for the switch and for heartbeats most of their time; more at once would measure one another.
describe('the table of faults', { concurrency: 2 }, () => {
  for (const [index, { row, combination }] of samples().entries()) {
    test(`${row.number}: ${row.fault} (${combination.backend}, IPv${combination.family})`, async (context) => {
      const { measured } = await runRow(row, combination, { full: false, seed: SEED + index });
      const ms = measured.ms === undefined ? [] : [`${measured.ms.toFixed(0)} ms`];
      context.diagnostic([...ms, measured.words ?? ''].join(' ').trim());
    });
  }
});

/** Every row once, each in the next combination; or in those that it asks for. */
function samples(): readonly { readonly row: Row; readonly combination: Combination }[] {
  let next = 0;
  return inOrder([...ROWS, SOAK_ROW]).flatMap((row) => {
    const combinations = row.sample ?? COMBINATIONS.slice(next % 4, (next % 4) + 1);
    if (row.sample === undefined) next += 1;
    return combinations.map((combination) => ({ row, combination }));
  });
}

/** Those that take longest first: so that they do not run on alone at the end. */
function inOrder(rows: readonly Row[]): readonly Row[] {
  const longest = [60, 29, 7, 45, 30, 37];
  const rank = ({ number }: Row): number => (longest.includes(number) ? longest.indexOf(number) : 100);
  return [...rows].sort((one, other) => rank(one) - rank(other));
}
