import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseAddress } from '../../src/base/address.js';
import { addressText, addressWords } from '../../src/knock/packet.js';
import { network, ownAddresses } from './support.js';

describe('addresses as words', () => {
  it('have the text that parseNetwork gives', () => {
    const words = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    const sparse = fc.oneof(words, fc.constant(0), fc.constant(0xffff), fc.constant(1));
    fc.assert(
      fc.property(sparse, sparse, sparse, sparse, (w0, w1, w2, w3) => {
        const text = addressText({ w0, w1, w2, w3 });
        const parsed = parseAddress(text);
        assert.ok(parsed.ok);
        assert.equal(parsed.value.text, text);
        assert.deepEqual(addressWords(parsed.value), { w0, w1, w2, w3 });
      }),
    );
  });

  it('are found in a set by all of their bits', () => {
    const set = ownAddresses('192.0.2.1', '2001:db8::c000:201', '2001:db8:1::c000:201');
    for (const text of ['192.0.2.1', '2001:db8::c000:201', '2001:db8:1::c000:201', '::ffff:192.0.2.1']) {
      assert.ok(set.has(addressWords(network(text))), text);
    }
    for (const text of ['192.0.2.2', '::c000:201', '2001:db8:2::c000:201']) {
      assert.ok(!set.has(addressWords(network(text))), text);
    }
  });
});
