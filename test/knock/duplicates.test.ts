import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Duplicates } from '../../src/knock/duplicates.js';
import type { Packet } from '../../src/knock/packet.js';
import { OWN, OWN6, packetOf } from './support.js';

const SOURCE = '192.0.2.1';
const UDP = { protocol: 'udp', flags: 0 } as const;
const base = { destinationPort: 7000, sequence: 5, ipId: 9 };

function syn(more: Partial<Packet> = {}, source = SOURCE, destination = OWN): Packet {
  return packetOf(source, destination, { ...base, ...more });
}

describe('duplicates', () => {
  it('the very same packet within the window is a copy, a third one too', () => {
    const duplicates = new Duplicates();
    assert.equal(duplicates.seenBefore(syn(), 100), false);
    assert.equal(duplicates.seenBefore(syn(), 100.002), true);
    assert.equal(duplicates.seenBefore(syn(), 600), true);
  });

  it('a retransmission is not, however often it was copied', () => {
    for (const more of [{}, { family: 6 } as const]) {
      const duplicates = new Duplicates();
      for (const sentMs of [0, 1000, 3000]) {
        assert.equal(duplicates.seenBefore(syn(more), sentMs), false);
        assert.equal(duplicates.seenBefore(syn(more), sentMs + 400), true);
      }
    }
  });

  it('with another identification it is none at any time', () => {
    const duplicates = new Duplicates();
    for (const ipId of [9, 10, 11]) assert.equal(duplicates.seenBefore(syn({ ipId }), ipId), false);
  });

  for (const [what, more, copiesMs] of [
    ['TCP', {}, 500],
    ['TCP without an identification', { ipId: 0 }, 500],
    ['TCP over IPv6', { family: 6 }, 500],
    ['UDP', UDP, 500],
    ['UDP without an identification', { ...UDP, ipId: 0 }, 50],
    ['UDP over IPv6, whatever its flow label', { ...UDP, family: 6 }, 50],
  ] as const) {
    it(`${what}: a copy for ${copiesMs} ms`, () => {
      for (const [laterMs, copy] of [
        [copiesMs, true],
        [copiesMs + 1, false],
      ] as const) {
        const duplicates = new Duplicates();
        duplicates.seenBefore(syn(more), 1000);
        assert.equal(duplicates.seenBefore(syn(more), 1000 + laterMs), copy);
      }
    });
  }

  it('copies do not stretch the window', () => {
    const duplicates = new Duplicates({ numberedMs: 20, bareMs: 5 });
    const seen = [0, 15, 30, 45].map((nowMs) => duplicates.seenBefore(syn(), nowMs));
    assert.deepEqual(seen, [false, true, false, true]);
  });

  it('a packet that differs in anything is none', () => {
    const others = [
      syn({ sequence: 6 }),
      syn({ ipId: 10 }),
      syn({ destinationPort: 7001 }),
      syn({ sourcePort: 1 }),
      syn({ flags: 0x12 }),
      syn({ protocol: 'udp', flags: 0 }),
      syn({}, '192.0.2.2'),
      syn({}, SOURCE, '198.51.100.2'),
      syn({}, '2001:db8::c000:201', OWN6),
    ];
    for (const other of others) {
      const duplicates = new Duplicates();
      duplicates.seenBefore(syn(), 0);
      assert.equal(duplicates.seenBefore(other, 0), false);
    }
  });

  it('a flood between two copies hides at most a few of them, and makes up none', () => {
    const duplicates = new Duplicates();
    let found = 0;
    for (let round = 0; round < 2000; round++) {
      const nowMs = round * 0.2;
      assert.equal(duplicates.seenBefore(syn({ sequence: round }), nowMs), false);
      for (let other = 0; other < 30; other++) {
        const forged = syn({ sequence: round * 30 + other, sourcePort: other }, '203.0.113.1');
        assert.equal(duplicates.seenBefore(forged, nowMs), false);
      }
      if (duplicates.seenBefore(syn({ sequence: round }), nowMs + 0.1)) found++;
    }
    assert.ok(found > 1950, `${found} of 2,000 copies found`);
  });
});
