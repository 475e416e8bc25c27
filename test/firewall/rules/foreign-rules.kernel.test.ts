/**
 * A sample of the kinds of things that nft can put into tables of iptables; all of them: foreign-rules.long.test.ts. With
 * those that were reported always among them.
 */
import { describe, it } from 'node:test';

import { Dice } from '../../differential/dice.js';
import { KINDS, TABLES, type Foreign } from './foreign-kinds.js';
import { ForeignSpace } from './foreign-rules.js';

const SEED = Number(process.env['FOREIGN_SEED'] ?? Date.now() % 1_000_000);
const SAMPLE = 5;
const REPORTED = ['ct state', 'meta mark set', 'base chain at another priority'];

// What 2a294dc did, as a public report had it: two jumps after the second look at the first of them, and `remove` left both.
describe(`things of nft in tables of iptables (FOREIGN_SEED=${SEED})`, () => {
  const dice = new Dice(SEED);
  const always = KINDS.filter(({ name }) => REPORTED.includes(name)).map((kind): Foreign => {
    return { kind, family: dice.pick([4, 6] as const), table: 'filter' };
  });
  const drawn = Array.from({ length: SAMPLE }, (): Foreign => {
    const table = dice.pick(['filter', 'filter', 'nat', 'mangle', 'raw', 'security'] as const);
    return { kind: dice.pick(KINDS), family: dice.pick([4, 6] as const), table };
  });
  for (const foreign of [...always, ...drawn]) {
    const chain = dice.pick<string>(TABLES[foreign.table]);
    it(`${foreign.kind.name} in ${foreign.table} ${chain}, IPv${foreign.family}`, async (context) => {
      await using space = new ForeignSpace();
      if (!(await space.check(foreign, chain))) context.skip('this kernel does not take it there');
    });
  }
});
