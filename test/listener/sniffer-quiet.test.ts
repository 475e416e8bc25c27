import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { buildPacket } from '../helpers/packets.js';
import { door } from '../knock/support.js';
import { Stand } from './sniffer-stand.js';

describe('the sniffer, quiet', () => {
  // Red where stages are sent at once (run once, 2026-11-30).
  it('says nothing of stages until it beats, or a knock is whole: a local user sees who is woken', () => {
    const one = door('7000,8000,9000');
    const stand = new Stand([one]);
    stand.knock([7000, 8000]);
    stand.knock([8000], { source: '192.0.2.9' });
    assert.deepEqual(stand.take(), []);
    stand.sniffer.beat();
    assert.deepEqual(
      stand.take().map(({ type }) => type),
      ['stage', 'stage', 'beat'],
    );
    stand.knock([9000]);
    assert.deepEqual(
      stand.take().map(({ type }) => type),
      ['stage', 'knock'],
    );
  });

  it('knows a copy by its interface: what comes again by the same one was sent again', () => {
    const one = door('7000,7000');
    const packet = { destinationPort: 7000, sequence: 1, link: 'sll2' } as const;
    for (const [devices, opens] of [
      [[2, 3], false],
      [[2, 2], true],
      [[2, 3, 2, 3], true],
    ] as const) {
      const stand = new Stand([one]);
      for (const device of devices) {
        const bytes = buildPacket({ destination: '127.0.0.1', ...packet });
        bytes.writeUInt32BE(device, 4);
        stand.sniffer.handlePacket(bytes, bytes.length, 'sll2');
      }
      assert.equal(
        stand.take().some(({ type }) => type === 'knock'),
        opens,
        devices.join(' '),
      );
    }
  });

  it('reads packets that the capture has cut behind their headers', () => {
    const stand = new Stand([door('7000:udp')]);
    const bytes = buildPacket({
      destination: '127.0.0.1',
      protocol: 'udp',
      destinationPort: 7000,
      payload: Buffer.alloc(1_000),
    });
    stand.sniffer.handlePacket(bytes.subarray(0, 512), 512, 'ethernet', bytes.length);
    assert.equal(stand.take().at(-1)?.type, 'knock');
    stand.sniffer.handlePacket(bytes.subarray(0, 512), 512, 'ethernet');
    assert.deepEqual(stand.take(), [], 'cut short by its sender');
  });
});
