import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { hashAddress, type HashKey } from '../../src/knock/hash.js';
import { type AddressWords, MAPPED } from '../../src/knock/packet.js';

const BUCKETS = 1024;
const KEY: HashKey = [0x12345678, 0x9abcdef0];

function ipv4(w3: number): AddressWords {
  return { w0: 0, w1: 0, w2: MAPPED, w3 };
}

function bucket(address: AddressWords, key: HashKey): number {
  return hashAddress(address, key) & (BUCKETS - 1);
}

describe('the address hash', () => {
  it('spreads neighbours evenly', () => {
    const counts = new Array<number>(BUCKETS).fill(0);
    for (let index = 0; index < BUCKETS * 64; index++) {
      const at = bucket(ipv4(index), KEY);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    // 64 a bucket on average, with a deviation of 8.
    assert.ok(Math.max(...counts) < 64 + 6 * 8 && Math.min(...counts) > 64 - 6 * 8);
  });

  it('depends on every word, and on both halves of the key', () => {
    const base = { w0: 1, w1: 2, w2: 3, w3: 4 };
    const hashes = [
      hashAddress(base, KEY),
      ...(['w0', 'w1', 'w2', 'w3'] as const).map((word) => hashAddress({ ...base, [word]: 99 }, KEY)),
      hashAddress(base, [KEY[0] + 1, KEY[1]]),
      hashAddress(base, [KEY[0], KEY[1] + 1]),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
  });

  it('addresses that collide under one key do not under another', () => {
    const colliding: AddressWords[] = [];
    for (let w3 = 0; colliding.length < 500; w3++) {
      const address = { w0: Math.imul(w3, 0x9e3779b1), w1: 0, w2: w3, w3 };
      if (bucket(address, KEY) === 7) colliding.push(address);
    }
    const elsewhere = new Set(colliding.map((address) => bucket(address, [1, 2])));
    assert.ok(elsewhere.size > 350, `${elsewhere.size} buckets for 500 addresses`);
  });
});
