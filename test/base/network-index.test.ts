import assert from 'node:assert/strict';
import { it } from 'node:test';

import fc from 'fast-check';

import { contains, parseNetwork, type Network } from '../../src/base/address.js';
import { NetworkIndex } from '../../src/base/network-index.js';

function network(text: string): Network {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok, text);
  return parsed.value;
}

/** Two networks have an address in common where one is within the other. */
const overlaps = (one: Network, other: Network): boolean => contains(one, other) || contains(other, one);

/** Few bits that differ, so that many have something in common. */
const some = fc
  .tuple(fc.boolean(), fc.nat(3), fc.nat(3), fc.nat(255), fc.integer({ min: 1, max: 32 }))
  .map(([isSix, a, b, c, prefix]) =>
    network(isSix ? `2001:${a}:${b}::${c}/${prefix * 4}` : `10.${a}.${b}.${c}/${prefix}`),
  );

it('an index of networks says what asking each of them says', () => {
  fc.assert(
    fc.property(fc.array(some, { maxLength: 12 }), fc.array(some, { maxLength: 12 }), (kept, asked) => {
      const index = new NetworkIndex(kept.map((one) => ({ network: one })));
      for (const one of asked) {
        const found = index.overlapping(one)?.network;
        assert.equal(
          found !== undefined,
          kept.some((other) => overlaps(other, one)),
        );
        if (found !== undefined) assert.ok(overlaps(found, one));
      }
    }),
    { numRuns: 2_000 },
  );
});
