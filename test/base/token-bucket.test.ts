import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { TokenBucket } from '../../src/base/token-bucket.js';

describe('a budget', () => {
  it('gives its burst at once, then its rate', () => {
    const budget = new TokenBucket(10, 3, 0);
    assert.deepEqual(
      [0, 0, 0, 0, 99, 100, 100].map((now) => budget.take(now)),
      [true, true, true, false, false, true, false],
    );
    assert.equal(budget.take(1_000_000), true);
  });

  it('never gives more than burst + rate × time, in any stretch of time, and never less when asked often', () => {
    const steps = fc.array(fc.nat(2000), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.integer({ min: 1, max: 50 }),
        steps,
        (rate, burst, gaps) => {
          const budget = new TokenBucket(rate, burst, 0);
          let now = 0;
          const given: number[] = [];
          for (const gap of gaps) {
            now += gap;
            if (budget.take(now)) given.push(now);
          }
          assert.ok(given.length >= Math.min(burst, gaps.length));
          given.forEach((from, start) => {
            given.slice(start).forEach((to, count) => {
              assert.ok(count + 1 <= burst + ((to - from) * rate) / 1000 + 1e-6);
            });
          });
        },
      ),
    );
  });
});
