import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseNetwork } from '../../../src/base/address.js';
import { MAX_TIMEOUT_S } from '../../../src/base/limits.js';
import { addLines, type Entry } from '../../../src/firewall/sets/set-specs.js';
import {
  checkLines,
  countLines,
  entriesLeft,
  entryLines,
  openEntries,
  renderEntries,
  secondsLeft,
} from '../../../src/runtime/entries/entry-codec.js';
import { elapsedMs, type BootTimestamp } from '../../../src/system/boot-timestamp.js';

const SET = 'ssh_banned4';

const address = fc.ipV4().map((text) => {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok);
  return parsed.value;
});
const timeout = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 1, max: MAX_TIMEOUT_S }),
  fc.integer({ min: 1, max: 9 }),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  network: address,
  timeoutS: timeout,
  origin: fc.oneof(fc.constantFrom('', 'cli', 'door open'), fc.string()),
});
const entries = fc.uniqueArray(entry, { selector: ({ network }) => network.text, maxLength: 30 });
const moment: fc.Arbitrary<BootTimestamp> = fc.record({
  bootId: fc.constantFrom('', 'a', 'b'),
  monotonicMs: fc.integer({ min: 0, max: 1e12 }),
  wallMs: fc.integer({ min: 0, max: 4e12 }),
});

const dump = (list: readonly Entry[]): string =>
  [`create ${SET} hash:net family inet timeout 0 comment`, ...addLines(SET, list), ''].join('\n');

const file = (list: readonly Entry[], at: BootTimestamp): string =>
  [...renderEntries(SET, at, entryLines(dump(list)))].join('');

interface Left {
  readonly entries: readonly Entry[];
  readonly faults: readonly string[];
}

function left(text: string, now: BootTimestamp): Left {
  const saved = openEntries(text, SET);
  if (!saved.ok) return { entries: [], faults: [saved.reason] };
  const parts = [...checkLines(saved.value.lines, SET, 4)];
  const entries = parts.flatMap((part) => part.entries);
  return {
    entries: entriesLeft(entries, saved.value.moment, now),
    faults: parts.flatMap((part) => part.faults),
  };
}

const shown = (list: readonly Entry[]): string[] => addLines(SET, list);

describe('the file of the entries of a set', () => {
  it('read in the moment in which it was written, gives what was written', () => {
    fc.assert(
      fc.property(entries, moment, (list, at) => {
        const read = left(file(list, at), at);
        assert.deepEqual(read.faults, []);
        assert.deepEqual(shown(read.entries), shown(list));
      }),
    );
  });

  it('whatever the clocks do, no entry gets more than it had, none gets for ever, and for ever stays', () => {
    fc.assert(
      fc.property(entries, moment, moment, (list, at, now) => {
        const read = left(file(list, at), now);
        const had = new Map(list.map(({ network, timeoutS }) => [network.text, timeoutS]));
        for (const { network, timeoutS } of read.entries) {
          const before = had.get(network.text) ?? -1;
          assert.equal(timeoutS === 0, before === 0);
          assert.ok(timeoutS <= before && timeoutS >= 0);
        }
        const ever = (some: readonly Entry[]): number => some.filter(({ timeoutS }) => timeoutS === 0).length;
        assert.equal(ever(read.entries), ever(list));
      }),
    );
  });

  it('what has passed is taken off, to the second', () => {
    fc.assert(
      fc.property(entries, moment, fc.integer({ min: 0, max: 4e9 }), (list, at, passedMs) => {
        const now = { ...at, monotonicMs: at.monotonicMs + passedMs, wallMs: at.wallMs + passedMs };
        const expected = list.flatMap((one) => {
          const timeoutS = one.timeoutS === 0 ? 0 : Math.floor(one.timeoutS - passedMs / 1_000);
          return one.timeoutS !== 0 && timeoutS < 1 ? [] : [{ ...one, timeoutS }];
        });
        assert.deepEqual(shown(left(file(list, at), now).entries), shown(expected));
      }),
    );
  });

  it('within one boot the monotonic clock counts, over a boot the wall clock; backwards is no time', () => {
    const at = { bootId: 'a', monotonicMs: 1_000_000, wallMs: 5_000_000 };
    const later = { ...at, monotonicMs: 1_030_000, wallMs: 9_000_000 };
    assert.equal(elapsedMs(at, later), 30_000);
    assert.equal(elapsedMs(at, { ...later, bootId: 'b', monotonicMs: 7 }), 4_000_000);
    assert.equal(elapsedMs(at, { ...later, monotonicMs: 1 }), 0);
    assert.equal(elapsedMs(at, { ...later, bootId: 'b', wallMs: 1 }), 0);
    assert.equal(
      elapsedMs({ ...at, bootId: '' }, { ...later, bootId: '' }),
      4_000_000,
      'not known: not the same',
    );
  });

  it('what is left is given less elapsed, in whole seconds, and never the 0 that means for ever', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_147_483_999 }),
        fc.integer({ min: -1e9, max: 1e10 }),
        (ms, passed) => {
          const seconds = secondsLeft(ms, passed);
          const exact = ms - Math.max(0, passed);
          if (seconds === undefined) assert.ok(exact < 1_000);
          else assert.ok(seconds >= 1 && seconds * 1_000 <= exact && seconds * 1_000 > exact - 1_000);
        },
      ),
    );
    assert.equal(secondsLeft(0, 1e9), 0);
  });

  // Red without the checksum: a digit of a time or an address that has changed is believed.
  it('a file that was changed anywhere is refused whole, or says the same', () => {
    const edit = fc.record({
      at: fc.nat(10_000),
      drop: fc.integer({ min: 0, max: 40 }),
      put: fc.oneof(
        fc.string({ maxLength: 5 }),
        fc.constantFrom('9', '\n', 'add ssh_banned4 1.1.1.1 timeout 0\n'),
      ),
    });
    fc.assert(
      fc.property(entries, moment, fc.array(edit, { minLength: 1, maxLength: 3 }), (list, at, edits) => {
        const text = file(list, at);
        let changed = text;
        for (const { at: where, drop, put } of edits) {
          const from = where % (changed.length + 1);
          changed = changed.slice(0, from) + put + changed.slice(from + drop);
        }
        const read = left(changed, at);
        if (changed !== text) assert.deepEqual([read.entries, read.faults.length], [[], 1]);
      }),
      { numRuns: 500 },
    );
  });

  it('a file that was cut off anywhere, is empty, or belongs to another set is refused', () => {
    const list = ['192.0.2.1', '192.0.2.2'].map((text) => {
      const parsed = parseNetwork(text);
      assert.ok(parsed.ok);
      return { network: parsed.value, timeoutS: 0, origin: 'cli' };
    });
    const text = file(list, { bootId: 'a', monotonicMs: 1, wallMs: 2 });
    for (let length = 0; length < text.length; length += 1) {
      assert.equal(openEntries(text.slice(0, length), SET).ok, false, String(length));
    }
    assert.ok(openEntries(text, SET).ok);
    const other = openEntries(text, 'ssh_filter4');
    assert.equal(!other.ok && other.reason, 'it is the file of ssh_banned4');
  });

  it('lines with a right checksum are checked all the same', () => {
    const lines = [
      'add ssh_banned4 192.0.2.1 timeout 0 nomatch',
      'add ssh_banned4 2001:db8::1 timeout 0',
      'add ssh_banned4 0.0.0.0/0 timeout 0',
      'add ssh_banned4 192.0.2.1 timeout 2147484',
      'add ssh_banned4 192.0.2.1',
      'add ssh_banned4 localhost timeout 0',
      'add ssh_trusted4 192.0.2.1 timeout 0',
      'flush ssh_banned4',
      'add ssh_banned4 192.0.2.7 timeout 12.345 comment "cli"',
    ];
    const at = { bootId: 'a', monotonicMs: 1, wallMs: 2 };
    const read = left([...renderEntries(SET, at, `${lines.join('\n')}\n`)].join(''), at);
    assert.deepEqual(shown(read.entries), ['add ssh_banned4 192.0.2.7 timeout 12 comment "cli"']);
    assert.equal(read.faults.length, 8);
  });

  it('an IPv4-mapped address in an IPv6 set stays one', () => {
    const line = 'add ssh_banned6 ::ffff:192.0.2.1 timeout 0\n';
    const [part] = checkLines(line, 'ssh_banned6', 6);
    assert.deepEqual(part?.faults, []);
    assert.deepEqual(
      part.entries.map(({ network: { text, family } }) => [text, family]),
      [['::ffff:192.0.2.1', 6]],
    );
  });

  it('a long one is written and read in parts', () => {
    const lines = Array.from(
      { length: 30_000 },
      (_, index) => `add ${SET} 10.0.${index >> 8}.${index & 255} timeout 0\n`,
    );
    const at = { bootId: 'a', monotonicMs: 1, wallMs: 2 };
    const parts = [...renderEntries(SET, at, lines.join(''))];
    assert.ok(parts.length > 4 && parts.every((part) => part.length < 300_000));
    const saved = openEntries(parts.join(''), SET);
    assert.ok(saved.ok);
    assert.equal(countLines(saved.value.lines), 30_000);
    const read = [...checkLines(saved.value.lines, SET, 4)];
    assert.ok(read.length > 3);
    assert.equal(read.flatMap((part) => part.entries).length, 30_000);
  });
});
