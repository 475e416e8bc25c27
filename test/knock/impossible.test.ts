import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseAddress, type Family } from '../../src/base/address.js';
import { impossibleSource } from '../../src/base/impossible.js';
import { isImpossibleSource } from '../../src/knock/impossible.js';
import { addressWords } from '../../src/knock/packet.js';
import { network } from './support.js';

function says(text: string): boolean {
  const { family } = network(text);
  const words = isImpossibleSource(addressWords(network(text)), family);
  assert.equal(impossibleSource(network(text)) !== undefined, words, text);
  return words;
}

describe('sources that no packet from elsewhere can have', () => {
  it('are known, in both forms, with the sentinels of our sets among them', () => {
    for (const text of [
      ...['0.0.0.0', '0.1.2.3', '127.0.0.1', '127.255.255.255', '224.0.0.1', '239.1.1.1', '255.255.255.255'],
      ...['::', '::1', 'ff00::', 'ff02::1', 'ffff::1'],
    ])
      assert.ok(says(text), text);
  });

  it('are no others', () => {
    for (const text of [
      ...[
        '1.0.0.0',
        '10.0.0.1',
        '126.255.255.255',
        '128.0.0.1',
        '223.255.255.255',
        '240.0.0.1',
        '255.255.255.254',
      ],
      ...['::2', '2001:db8::1', 'fe80::1', 'fd09::2', '64:ff9b::1.2.3.4'],
    ])
      assert.ok(!says(text), text);
  });

  it('an IPv4 address in an IPv6 packet is one', () => {
    const words = addressWords(network('192.0.2.1'));
    assert.deepEqual([isImpossibleSource(words, 4), isImpossibleSource(words, 6)], [false, true]);
  });

  it('both forms agree on every address', () => {
    const any = fc.oneof(fc.ipV4(), fc.ipV6()).filter((text) => parseAddress(text).ok);
    fc.assert(
      fc.property(any, (text) => {
        says(text);
      }),
    );
    const family: Family = 6;
    assert.equal(isImpossibleSource({ w0: 0, w1: 0, w2: 0xffff, w3: 1 }, family), true);
  });
});
