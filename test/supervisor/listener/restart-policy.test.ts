import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { decideRestart, NO_DEATHS, WINDOW_MS } from '../../../src/supervisor/listener/restart-policy.js';

/** Lives, one after the other: how long each was, in milliseconds. The decision after each death. */
function run(
  lives: readonly number[],
  maxRestarts: number,
): { atMs: number; delayMs: number; givenUp: boolean }[] {
  let state = NO_DEATHS;
  let nowMs = 0;
  return lives.map((livedMs) => {
    nowMs += livedMs;
    const decision = decideRestart(state, nowMs, livedMs, maxRestarts);
    state = decision.state;
    const result = { atMs: nowMs, delayMs: decision.delayMs, givenUp: state.givenUp };
    nowMs += decision.delayMs;
    return result;
  });
}

const lives = fc.array(fc.oneof(fc.nat(2000), fc.nat(30_000), fc.nat(200_000)), {
  minLength: 1,
  maxLength: 60,
});
const maximum = fc.integer({ min: 0, max: 10 });

describe('restarts', () => {
  it('at once, then later and later; given up at max_restarts, then one try a minute', () => {
    const decisions = run(
      Array.from({ length: 9 }, () => 10),
      5,
    );
    assert.deepEqual(
      decisions.map(({ delayMs }) => delayMs),
      [200, 1000, 2000, 5000, 10_000, 60_000, 60_000, 60_000, 60_000],
    );
    assert.equal(
      decisions.findIndex(({ givenUp }) => givenUp),
      5,
    );
  });

  it('of one that had stayed up begin anew', () => {
    const [first, , , fourth] = run([10, 10, 10, WINDOW_MS], 5);
    assert.equal(fourth?.delayMs, first?.delayMs);
  });

  it('never come without a delay, and never end', () => {
    fc.assert(
      fc.property(lives, maximum, (given, max) => {
        for (const { delayMs } of run(given, max)) assert.ok(delayMs >= 200 && delayMs <= 60_000);
      }),
    );
  });

  it('never more than max_restarts quick ones in a minute', () => {
    fc.assert(
      fc.property(lives, maximum, (given, max) => {
        const quick = run(given, max).filter(({ delayMs, givenUp }) => delayMs < 60_000 || !givenUp);
        quick.forEach(({ atMs }, index) => {
          const window = quick.slice(index).filter((later) => later.atMs - atMs < WINDOW_MS);
          assert.ok(window.length <= Math.max(max, 1), `${window.length} within a minute`);
        });
      }),
    );
  });

  it('once given up, slow until one has lived for a minute', () => {
    fc.assert(
      fc.property(lives, maximum, (given, max) => {
        run(given, max).forEach(({ delayMs, givenUp }, index, all) => {
          const lived = given[index] ?? 0;
          if (givenUp) assert.equal(delayMs, 60_000);
          if (all[index - 1]?.givenUp === true && lived < WINDOW_MS) assert.equal(givenUp, true);
          if (lived >= WINDOW_MS && max > 0) assert.equal(givenUp, false);
        });
      }),
    );
  });

  it('the delays grow as deaths follow each other, and what is remembered is bounded', () => {
    fc.assert(
      fc.property(lives, maximum, (given, max) => {
        let state = NO_DEATHS;
        let nowMs = 0;
        for (const livedMs of given) {
          nowMs += livedMs;
          const before = state.deathsMs.length;
          const decision = decideRestart(state, nowMs, livedMs, max);
          state = decision.state;
          assert.ok(state.deathsMs.length <= before + 1);
          assert.ok(state.deathsMs.every((death) => nowMs - death < WINDOW_MS));
          assert.ok(state.deathsMs.length <= max + 2);
          nowMs += decision.delayMs;
        }
      }),
    );
  });
});
