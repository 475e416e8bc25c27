import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseLimit } from '../../../src/config/knockctl/limit.js';

function limit(text: string): string | undefined {
  const parsed = parseLimit(text);
  return parsed.ok ? parsed.value : undefined;
}

describe('limit expressions', () => {
  // What iptables 1.8.9 printed for each, nft and legacy alike.
  const measured: readonly (readonly [string, string])[] = [
    ['6/min', '6/min'],
    ['60/min', '1/sec'],
    ['1/second', '1/sec'],
    ['1/s', '1/sec'],
    ['3/m', '3/min'],
    ['3/h', '3/hour'],
    ['11/minute', '11/min'],
    ['6/MIN', '6/min'],
    ['10000/sec', '10000/sec'],
    ['7/min', '7/min'],
    ['13/min', '13/min'],
    ['24/day', '1/hour'],
    ['25/day', '25/day'],
    ['60/hour', '1/min'],
    ['100/hour', '100/hour'],
    ['86400/day', '1/sec'],
    ['600000/min', '10000/sec'],
    ['999/min', '1000/min'],
    ['1234/hour', '1234/hour'],
    ['7777/min', '129/sec'],
    ['12345/min', '208/sec'],
    ['6000/sec', '10000/sec'],
    ['3333/sec', '3333/sec'],
    ['700/sec', '714/sec'],
    ['333/day', '333/day'],
    ['5/day', '5/day'],
  ];
  for (const [written, printed] of measured) {
    it(`${written} is ${printed}`, () => {
      assert.equal(limit(written), printed);
    });
  }

  for (const text of [
    '',
    '6',
    '6/',
    '/min',
    '0/sec',
    '-1/sec',
    '6/mins',
    '6 /min',
    '10001/sec',
    '1.5/min',
    '4/day',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.equal(limit(text), undefined);
    });
  }

  it('gives what iptables would print for what it gives', () => {
    fc.assert(
      fc.property(
        fc.nat(1_000_000),
        fc.constantFrom('s', 'sec', 'min', 'minute', 'h', 'hour', 'day'),
        (n, unit) => {
          const once = limit(`${n}/${unit}`);
          if (once !== undefined) assert.equal(limit(once), once);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
