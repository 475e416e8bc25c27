import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { ListenerMessage } from '../../src/wire/listener.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';
import { door } from '../knock/support.js';
import { Stand } from './sniffer-stand.js';

describe('the sniffer', () => {
  it('tells stages and a knock, of IPv4 and IPv6', () => {
    const one = door('7000,8000');
    const stand = new Stand([one]);
    stand.knock([7000, 8000]);
    assert.deepEqual(stand.take(), [
      { type: 'stage', door: one.id, address: '192.0.2.1', stage: 1 },
      { type: 'stage', door: one.id, address: '192.0.2.1', stage: 2 },
      { type: 'knock', door: one.id, address: '192.0.2.1' },
    ]);
    stand.knock([7000, 8000], { source: '2001:db8::7', destination: '::1' });
    assert.deepEqual(stand.take().at(-1), { type: 'knock', door: one.id, address: '2001:db8::7' });
  });

  // Without #isForged (run once, 2026-11-29): red, each of them knocks.
  it('passes over frames whose source nobody elsewhere can have', () => {
    const stand = new Stand([door('7000,8000')]);
    for (const source of ['127.0.0.1', '127.9.9.9', '0.0.0.0', '224.0.0.1', '255.255.255.255'])
      stand.knock([7000, 8000], { source });
    for (const source of ['::1', '::', 'ff02::1', 'ff00::'])
      stand.knock([7000, 8000], { source, destination: '::1' });
    for (const port of [7000, 8000]) {
      const mapped = buildPacket({ source: '2001:db8::7', destination: '::1', destinationPort: port });
      Buffer.from('00000000000000000000ffffc0000201', 'hex').copy(mapped, 14 + 8);
      stand.sniffer.handlePacket(mapped, mapped.length, 'ethernet');
    }
    assert.deepEqual(stand.take(), []);
    stand.knock([7000, 8000]);
    assert.equal(stand.take().at(-1)?.type, 'knock');
  });

  it('echoes a self-knock, and takes nothing else for one', () => {
    const nonce = Buffer.from('00112233445566778899aabbccddeeff', 'hex');
    const stand = new Stand([door('5000:udp')], { selfKnockPort: 5000 });
    const own: PacketSpec = {
      source: '127.0.0.1',
      protocol: 'udp',
      sourcePort: 5000,
      destinationPort: 5000,
      payload: nonce,
    };
    for (const link of ['ethernet', 'sll', 'raw'] as const) {
      stand.packet({ ...own, link });
      assert.deepEqual(stand.take(), [{ type: 'echo', nonce: nonce.toString('hex') }]);
    }
    const others: PacketSpec[] = [
      { source: '127.0.0.2' },
      { source: '192.0.2.1' },
      { source: '::1', destination: '::1' },
      { destination: '127.0.0.2' },
      { sourcePort: 5001 },
      { payload: nonce.subarray(1) },
      { payload: Buffer.concat([nonce, nonce]) },
      { protocol: 'tcp', flags: 2 },
      { fragment: { offset: 0, more: true } },
      { sllType: 4, link: 'sll' },
    ];
    for (const more of others) {
      stand.packet({ ...own, ...more });
      const said = stand.take().filter((message) => message.type === 'echo');
      assert.deepEqual(
        said,
        more.fragment === undefined ? [] : [{ type: 'echo', nonce: nonce.toString('hex') }],
      );
    }
    for (let count = 0; count < 1_000; count += 1) stand.packet(own);
    assert.ok(stand.take().length <= 200, 'a flood of them is no flood of messages');
  });

  it('hears the families that it is told, and no other', () => {
    const one = door('7000');
    const [v4, v6] = [{}, { source: '2001:db8::7', destination: '::1' }];
    for (const [families, heard] of [
      [[4], '192.0.2.1'],
      [[6], '2001:db8::7'],
    ] as const) {
      const stand = new Stand([one], { families });
      for (const more of [v4, v6]) stand.knock([7000], more);
      const knocks = stand.take().filter(({ type }) => type === 'knock');
      assert.deepEqual(knocks, [{ type: 'knock', door: one.id, address: heard }]);
    }
  });

  it('does not count packets to other hosts', () => {
    const stand = new Stand([door('7000')]);
    stand.knock([7000], { destination: '198.51.100.77' });
    assert.deepEqual(stand.take(), []);
  });

  it('tells a time-out, by its clock and at a beat', () => {
    const one = door('7000,8000', { windowMs: 2000 });
    const stand = new Stand([one]);
    stand.knock([7000]);
    stand.take();
    stand.clock.advance(2500);
    stand.sniffer.beat();
    assert.deepEqual(stand.take(), [
      { type: 'stage', door: one.id, address: '192.0.2.1', stage: 1 },
      { type: 'timeout', door: one.id, address: '192.0.2.1', stage: 1 },
      { type: 'beat', packets: 1 },
    ]);
  });

  it('beats from the packets too, where no timer runs', () => {
    const stand = new Stand([door('7000')]);
    for (let index = 0; index < 100; index += 1) {
      stand.clock.advance(50);
      stand.knock([9]);
    }
    const beats = stand.take();
    assert.equal(beats.length, 10);
    assert.deepEqual(beats.at(-1), { type: 'beat', packets: 100 });
  });

  it('does not count a packet on `any` twice that two devices have shown', () => {
    const stand = new Stand([door('7000,7000')]);
    const packet: PacketSpec = { destinationPort: 7000, link: 'sll', sequence: 77, ipId: 5 };
    stand.packet(packet);
    stand.packet(packet);
    stand.sniffer.beat();
    assert.equal(stand.take().filter((message) => message.type === 'stage').length, 1);
  });

  it('tells no more knocks and stages than the supervisor takes, and how many it kept back', () => {
    const stand = new Stand([door('7000')]);
    for (let index = 0; index < 20_000; index += 1) {
      stand.knock([7000], { source: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` });
    }
    const sent = stand.take();
    assert.ok(sent.length < 3000, `${sent.length} messages at once`);
    stand.sniffer.beat();
    const [suppressed, beat] = stand.take();
    assert.ok(suppressed?.type === 'suppressed' && beat?.type === 'beat');
    assert.equal(suppressed.count + sent.length, 40_000);
    stand.clock.advance(1000);
    stand.knock([7000]);
    assert.ok(
      stand.take().some((message) => message.type === 'knock'),
      'and goes on',
    );
  });

  it('never throws, whatever the bytes', () => {
    const stand = new Stand([door('7000,8000')]);
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.constantFrom('ethernet', 'sll', 'raw' as const),
        fc.nat(65_535),
        (bytes, link, length) => {
          const buffer = Buffer.alloc(65_535);
          buffer.set(bytes);
          stand.sniffer.handlePacket(buffer, Math.min(length, buffer.length), link);
        },
      ),
      { numRuns: 500 },
    );
    stand.take();
  });

  it('goes on to the next one-time sequence at once, and shuts the door after the last', () => {
    const one = door('7000,7001');
    const sequences = [
      { id: 11, sequence: one.sequence },
      { id: 12, sequence: door('8000,8001').sequence },
    ];
    const stand = new Stand([one], { oneTime: [{ door: one.id, sequences }] });
    const knocks = (): ListenerMessage[] => stand.take().filter((message) => message.type === 'knock');
    stand.knock([8000, 8001]);
    assert.deepEqual(knocks(), [], 'not its turn yet');
    stand.knock([7000, 7001]);
    assert.deepEqual(knocks(), [{ type: 'knock', door: one.id, address: '192.0.2.1', sequence: 11 }]);
    stand.knock([7000, 7001]);
    assert.deepEqual(knocks(), [], 'a replay opens nothing');
    stand.knock([8000, 8001]);
    assert.deepEqual(knocks(), [{ type: 'knock', door: one.id, address: '192.0.2.1', sequence: 12 }]);
    for (const ports of [
      [7000, 7001],
      [8000, 8001],
    ])
      stand.knock(ports);
    assert.deepEqual(knocks(), []);
  });
});
