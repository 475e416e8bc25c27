import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import {
  isQuiet,
  MAX_REPAIRS,
  noteRepair,
  WINDOW_MS,
  type Repairs,
} from '../../../src/supervisor/failsafe/conflict-backoff.js';

/** The verdict of each of some repairs, given by the time between them. */
function verdicts(gaps: readonly number[]): boolean[] {
  let [repairs, nowMs]: [Repairs, number] = [[], 0];
  return gaps.map((gap) => {
    nowMs += gap;
    const noted = noteRepair(repairs, nowMs);
    repairs = noted.repairs;
    return noted.isFight;
  });
}

describe('a fight', () => {
  it('is the sixth repair within a minute', () => {
    assert.deepEqual(verdicts([0, 1, 1, 1, 1, 1]), [false, false, false, false, false, true]);
    assert.deepEqual(verdicts([0, 12_000, 12_000, 12_000, 12_000, 12_000]), Array(6).fill(false));
    assert.deepEqual(verdicts([0, 11_999, 12_000, 12_000, 12_000, 12_000]).at(-1), true);
  });

  it('is told exactly where a window holds too many, whatever came before', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 60 }), (gaps) => {
        const times: number[] = [];
        for (const gap of gaps) times.push((times.at(-1) ?? 0) + gap);
        const expected = times.map(
          (now, index) =>
            times.slice(0, index + 1).filter((time) => now - time < WINDOW_MS).length > MAX_REPAIRS,
        );
        assert.deepEqual(verdicts(gaps), expected);
      }),
    );
  });

  it('is over after a minute in which nobody came', () => {
    assert.equal(isQuiet(1_000, 1_000 + WINDOW_MS - 1), false);
    assert.equal(isQuiet(1_000, 1_000 + WINDOW_MS), true);
  });
});
