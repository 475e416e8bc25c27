import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { readStartRequest } from '../../../src/wire/start/start-request.js';

describe('the wish of a start', () => {
  it('reads back', () => {
    for (const wish of [
      {},
      { trialS: 5 },
      { trialS: 3_600, session: '192.0.2.1', port: 22 },
      { session: '::1' },
    ]) {
      assert.deepEqual(readStartRequest(JSON.stringify(wish)), wish);
    }
    assert.deepEqual(readStartRequest(undefined), {});
  });

  it('is none where it is not one', () => {
    const wrong = [
      ...['', '{', 'null', '[]', '7', '{"trialS":4}', '{"trialS":3601}', '{"trialS":"60"}', '{"trialS":5.5}'],
      ...['{"port":0}', '{"port":65536}', '{"session":7}', '{"trialS":60,"more":1}'],
    ];
    for (const text of wrong) assert.deepEqual(readStartRequest(text), {}, text);
  });

  it('is never anything else, whatever the word', () => {
    const field = fc.oneof(fc.jsonValue(), fc.integer(), fc.constantFrom(5, 60, 3_600, '192.0.2.1'));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc
            .dictionary(fc.constantFrom('trialS', 'session', 'port', 'x'), field)
            .map((value) => JSON.stringify(value)),
        ),
        (text) => {
          for (const [key, value] of Object.entries(readStartRequest(text))) {
            if (key === 'session') assert.ok(typeof value === 'string' && value.length <= 64);
            else
              assert.ok(Number.isInteger(value) && value >= 1 && value <= (key === 'port' ? 65_535 : 3_600));
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
