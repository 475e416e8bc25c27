/**
 * Random doors and packets for the rules in the kernel, knockd, and our own tracker: the same doors open, for the same
 * sources, as often. To run one group again, with its number from a failure:
 * `KNOCK_KERNEL=BACKEND:GROUP node --test dist/test/differential/kernel-random.test.js`.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { IS_WHOLE } from '../helpers/matrix.js';
import { batchesOf } from './batches.js';
import { doorText, knockText } from './doors.js';
import { makeGroup, type Group } from './generate.js';
import { Trio, type Opened, type TrioOptions } from './kernel-doors.js';

const SEED = 20_261_121;
/** A third in `npm test`, all of them in `npm run test:long`. */
const A_BACKEND = IS_WHOLE ? 34 : 12;
const GROUPS = { nft: [0, A_BACKEND], legacy: [34, 34 + A_BACKEND] } as const;

interface Tally {
  cases: number;
  packets: number;
  opened: number;
  failures: string[];
}

const [onlyBackend, onlyGroup] = (process.env['KNOCK_KERNEL'] ?? '').split(':');

describe('random cases in the kernel', () => {
  for (const backend of ['nft', 'legacy'] as const) {
    const skip = (onlyBackend ?? '') !== '' && onlyBackend !== backend;
    it(`${backend}, both families`, { skip }, async () => {
      const [from, to] = GROUPS[backend];
      const numbers = onlyGroup === undefined ? range(from, to) : [Number(onlyGroup)];
      const tally = await play(numbers, backend);
      assert.equal(tally.failures.length, 0, `${tally.failures.length} differ\n${tally.failures[0] ?? ''}`);
      if (onlyGroup !== undefined) return;
      const told = `${tally.cases} cases, ${tally.packets} packets, ${tally.opened} opened`;
      const least = A_BACKEND / 34;
      assert.ok(tally.cases >= 250 * least && tally.opened > 450 * least, told);
    });
  }
});

/**
 * Faults put into the rules: each must be noticed, or the comparison would be worth nothing. In this order, 14, 8, 14, 6
 * and all of 16 groups differed when tried.
 */
const FAULTS: readonly (readonly [what: string, mutate: (rules: string) => string])[] = [
  ['a wrong packet ends nothing', (rules) => rules.replaceAll(/^-A \S+_end -j SET .*\n/gm, '')],
  [
    'what is done of an attempt that ended counts',
    (rules) => rules.replaceAll(/^-A \S+_start .*-j SET --del-set .*\n/gm, ''),
  ],
  [
    'who has an attempt under way begins another',
    (rules) => rules.replaceAll('-g knock.under_way', '-j knock.under_way'),
  ],
  ['flags are not looked at', (rules) => rules.replaceAll(/^-A .* ! --tcp-flags .*-j RETURN\n/gm, '')],
  [
    'destinations are not looked at',
    (rules) => rules.replaceAll(/^(-A knock.*) -m addrtype --dst-type LOCAL/gm, '$1'),
  ],
];

describe('a fault in the rules is noticed', () => {
  for (const [what, mutate] of FAULTS) {
    it(what, { skip: onlyBackend !== '' }, async () => {
      const { failures } = await play(range(0, 32), 'nft', { mutate }, 1);
      assert.equal(failures.length, 1);
    });
  }
});

/** Plays groups until so many differ. */
async function play(
  numbers: readonly number[],
  backend: 'nft' | 'legacy',
  options?: TrioOptions,
  most = 1_000,
): Promise<Tally> {
  const tally: Tally = { cases: 0, packets: 0, opened: 0, failures: [] };
  await using trio = await Trio.open(backend, options);
  for (const number of numbers) {
    if (tally.failures.length >= most) break;
    const group = makeGroup(SEED, number);
    // In every third group one door is the listener's alone.
    const without = number % 3 === 0 ? ['d2'] : [];
    await trio.load(group.doors.map(doorText).join(''), without);
    const seen = await trio.run(...batchesOf(group, group.cases));
    tally.cases += group.cases.length;
    tally.packets += group.cases.flatMap(({ before, after }) => [...before, ...after]).length;
    tally.opened += seen.knockd.sources.filter((line) => !line.includes(' end')).length;
    try {
      assert.deepEqual(seen.tracker, seen.knockd);
      assert.deepEqual(seen.kernel, seen.knockd);
    } catch {
      tally.failures.push(describeGroup(`${backend}:${number}`, group, seen));
    }
  }
  return tally;
}

/** The cases of a group that differ. */
function describeGroup(name: string, group: Group, seen: Readonly<Record<string, Opened>>): string {
  const parties = Object.entries(seen);
  const odd = new Set(
    parties.flatMap(([, { sources }]) =>
      sources.filter((line) => !parties.every(([, other]) => other.sources.includes(line))),
    ),
  );
  const cases = group.cases.filter((each) =>
    [...odd].some((line) => each.sources.includes(line.split(' ')[0] ?? '')),
  );
  return [
    `KNOCK_KERNEL=${name}`,
    group.doors.map(doorText).join(''),
    ...cases.flatMap((each) => [
      ...each.before.map(knockText),
      `(${group.pauseMs} ms)`,
      ...each.after.map(knockText),
      '',
    ]),
    ...parties.map(
      ([who, { sources, times }]) =>
        `${who}: ${sources.filter((line) => odd.has(line)).join(', ')}; ${times.join(', ')}`,
    ),
  ].join('\n');
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
