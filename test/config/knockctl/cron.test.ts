import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';
import { validate } from 'node-cron';

import { parseCron } from '../../../src/config/knockctl/cron.js';

const GOOD = [
  '* * * * *',
  '*/10 * * * *',
  '0 0 * * 7',
  '1,2,3 0-5 1-31/2 jan,mar-may mon',
  '0 0 29 2 *',
  '0 0 31 4,5 *',
  '30 59 23 31 december SUNDAY',
  '00 07 * * *',
  '*/15 * * * * *',
];

const BAD: readonly (readonly [string, RegExp])[] = [
  ['', /needs 5 fields/],
  ['* * * *', /needs 5 fields/],
  ['* * * * * * *', /needs 5 fields/],
  ['60 * * * *', /minute "60"/],
  ['* 24 * * *', /hour "24"/],
  ['* * 0 * *', /day of the month "0"/],
  ['* * * 13 *', /month "13"/],
  ['* * * * 8', /day of the week "8"/],
  ['*/0 * * * *', /the step must be from 1 to 59/],
  ['*/99 * * * *', /the step must be from 1 to 59/],
  ['5/10 * * * *', /minute "5\/10"/],
  ['5-1 * * * *', /minute "5-1"/],
  ['1,,2 * * * *', /minute ""/],
  ['mon * * * *', /minute "mon"/],
  ['@hourly', /needs 5 fields/],
  ['0 0 L * *', /day of the month "L"/],
  ['0 0 ? * *', /day of the month "\?"/],
  ['0 0 30,31 2 *', /no such day/],
];

describe('cron expressions', () => {
  for (const text of GOOD) {
    it(`takes ${text}`, () => {
      assert.deepEqual(parseCron(text), { ok: true, value: text });
    });
  }

  it('gives single spaces', () => {
    assert.deepEqual(parseCron(' *\t*  * * * '), { ok: true, value: '* * * * *' });
  });

  for (const [text, reason] of BAD) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const parsed = parseCron(text);
      assert.ok(!parsed.ok);
      assert.match(parsed.reason, reason);
    });
  }

  it('takes nothing that node-cron would refuse', () => {
    const item = fc.oneof(
      fc.constantFrom(
        '*',
        '*/2',
        '*/7',
        'jan',
        'feb',
        'sun',
        'sat',
        'monday',
        '0',
        '7',
        '59',
        '31',
        '12',
        '23',
      ),
      fc.tuple(fc.nat(62), fc.nat(62)).map(([a, b]) => `${a}-${b}`),
      fc.tuple(fc.nat(31), fc.nat(31), fc.nat(12)).map(([a, b, step]) => `${a}-${b}/${step}`),
      fc.nat(62).map(String),
    );
    const field = fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(','));
    let taken = 0;
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constant('*'), field), { minLength: 5, maxLength: 6 }), (fields) => {
        const parsed = parseCron(fields.join(' '));
        if (!parsed.ok) return;
        taken += 1;
        assert.ok(validate(parsed.value), parsed.value);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(taken > 100, `only ${taken} were taken: the test says little`);
  });
});
