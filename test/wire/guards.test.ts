import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { hasOnly, isCount, isFields, isList, isText } from '../../src/wire/guards.js';

describe('guards', () => {
  it('isFields: objects only', () => {
    assert.deepEqual(
      [{}, { a: 1 }, [], null, undefined, 'x', 1, true].map((value) => isFields(value)),
      [true, true, false, false, false, false, false, false],
    );
  });

  it('isCount: whole numbers within bounds', () => {
    const values = [0, 5, 6, -1, 1.5, NaN, Infinity, '3', null, 2 ** 53, true];
    assert.deepEqual(
      values.map((value) => isCount(value, 0, 5)),
      [true, true, false, false, false, false, false, false, false, false, false],
    );
    assert.equal(isCount(2 ** 53), false);
    assert.equal(isCount(2 ** 53 - 1), true);
  });

  it('isText: a bound on the length', () => {
    assert.deepEqual(
      ['', 'abc', 'abcd', 3, null, ['a']].map((value) => isText(value, 3)),
      [true, true, false, false, false, false],
    );
  });

  it('isList: a bound, and every item', () => {
    const isOne = (value: unknown): value is 1 => value === 1;
    assert.deepEqual(
      [[], [1, 1], [1, 1, 1], [1, 2], { length: 0 }, '11'].map((value) => isList(value, 2, isOne)),
      [true, true, false, false, false, false],
    );
  });

  it('hasOnly: no other key, __proto__ included', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.array(fc.string()), (fields, keys) => {
        assert.equal(
          hasOnly(fields, keys),
          Object.keys(fields).every((key) => new Set(keys).has(key)),
        );
      }),
    );
    const parsed: unknown = JSON.parse('{"a":1,"__proto__":{}}');
    assert.ok(isFields(parsed));
    assert.equal(hasOnly(parsed, ['a']), false);
  });
});
