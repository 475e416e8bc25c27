import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { decode } from '../../src/knock/decode.js';
import { createPacket, type LinkType, type Packet, sourceText, addressText } from '../../src/knock/packet.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';

const V6 = { source: '2001:db8::abcd', destination: '2001:db8::1' };
const LINKS: readonly LinkType[] = ['ethernet', 'sll', 'sll2', 'raw'];

function read(spec: PacketSpec, frame = buildPacket(spec), length = frame.length): Packet | undefined {
  const packet = createPacket();
  return decode(frame, length, spec.link ?? 'ethernet', packet) ? packet : undefined;
}

/** The frame with one byte changed. */
function patched(spec: PacketSpec, at: number, value: number): Buffer {
  const frame = buildPacket(spec);
  frame[at] = value;
  return frame;
}

describe('decode', () => {
  for (const link of LINKS) {
    for (const addresses of [{ source: '192.0.2.7', destination: '198.51.100.1' }, V6]) {
      it(`reads TCP and UDP: ${link}, from ${addresses.source}`, () => {
        const spec = { ...addresses, link, sourcePort: 0xfedc, destinationPort: 0x8001, ipId: 0xbeef };
        const tcp = read({ ...spec, flags: 0x29, sequence: 0xfffffffe });
        assert.ok(tcp);
        assert.equal(sourceText(tcp), addresses.source);
        assert.equal(addressText(tcp.destination), addresses.destination);
        const { protocol, sourcePort, destinationPort, flags, sequence, ipId } = tcp;
        assert.deepEqual(
          { protocol, sourcePort, destinationPort, flags, sequence, ipId },
          {
            protocol: 'tcp',
            sourcePort: 0xfedc,
            destinationPort: 0x8001,
            flags: 0x29,
            sequence: -2,
            ipId: 0xbeef,
          },
        );
        const udp = read({ ...spec, protocol: 'udp', payload: Buffer.from([0]) });
        assert.ok(udp);
        assert.deepEqual([udp.protocol, udp.destinationPort, udp.flags], ['udp', 0x8001, 0]);
        assert.equal(udp.sequence & 0xffff, 9);
        assert.equal(udp.family, addresses === V6 ? 6 : 4);
      });
    }
  }

  it('reads tagged Ethernet: 802.1Q, 802.1ad, QinQ; not three tags', () => {
    for (const tags of [[0x8100], [0x88a8], [0x88a8, 0x8100], [0x9100, 0x8100]]) {
      assert.equal(read({ tags, destinationPort: 7 })?.destinationPort, 7);
      assert.equal(read({ ...V6, tags, destinationPort: 7 })?.destinationPort, 7);
    }
    assert.equal(read({ tags: [0x88a8, 0x8100, 0x8100] }), undefined);
  });

  it('ignores what the host itself sent, where the capture tells', () => {
    for (const link of ['sll', 'sll2'] as const) {
      assert.ok(read({ link, sllType: 0 }));
      assert.equal(read({ link, sllType: 4 }), undefined);
    }
  });

  it('ignores other network and transport protocols', () => {
    assert.equal(read({}, patched({}, 12, 0x09)), undefined);
    assert.equal(read({}, patched({}, 14 + 9, 1)), undefined);
    assert.equal(read(V6, patched(V6, 14 + 6, 58)), undefined);
    assert.equal(read({ link: 'raw' }, patched({ link: 'raw' }, 0, 0x55)), undefined);
  });

  it('reads IPv4 with options', () => {
    for (const bytes of [4, 24, 40]) {
      assert.equal(read({ options: Buffer.alloc(bytes, 1), destinationPort: 7 })?.destinationPort, 7);
    }
  });

  it('reads the first fragment, not the later ones', () => {
    assert.ok(read({ fragment: { offset: 0, more: true } }));
    assert.equal(read({ fragment: { offset: 1, more: true } }), undefined);
    assert.equal(read({ fragment: { offset: 0x1fff, more: false } }), undefined);
    const first = { header: 44, body: Buffer.from([0, 1, 0, 0, 0, 9]) };
    assert.ok(read({ ...V6, extensions: [first] }));
    const later = { header: 44, body: Buffer.from([0, 8, 0, 0, 0, 9]) };
    assert.equal(read({ ...V6, extensions: [later] }), undefined);
  });

  it('a first fragment may hold less of a datagram than its length says; a whole packet may not', () => {
    const spec: PacketSpec = { link: 'raw', protocol: 'udp', fragment: { offset: 0, more: true } };
    assert.ok(read(spec, patched(spec, 20 + 5, 200)));
    const whole: PacketSpec = { link: 'raw', protocol: 'udp' };
    assert.equal(read(whole, patched(whole, 20 + 5, 200)), undefined);
  });

  it('walks IPv6 extension headers, eight at most, and none that is unknown', () => {
    const hopByHop = { header: 0, body: Buffer.alloc(14) };
    const routing = { header: 43 };
    const options = { header: 60, body: Buffer.alloc(30) };
    const authentication = { header: 51, body: Buffer.alloc(22) };
    const extensions = [hopByHop, routing, options, authentication];
    assert.equal(read({ ...V6, extensions, destinationPort: 7 })?.destinationPort, 7);
    assert.equal(read({ ...V6, extensions, protocol: 'udp', destinationPort: 7 })?.destinationPort, 7);
    assert.ok(read({ ...V6, extensions: Array.from({ length: 8 }, () => routing) }));
    assert.equal(read({ ...V6, extensions: Array.from({ length: 9 }, () => routing) }), undefined);
    for (const header of [50, 59, 135, 253])
      assert.equal(read({ ...V6, extensions: [{ header }] }), undefined);
  });

  it('padding behind the packet is normal, a packet cut short is not one', () => {
    for (const spec of [{}, V6, { protocol: 'udp' as const }, { ...V6, extensions: [{ header: 60 }] }]) {
      for (const link of LINKS) {
        const frame = buildPacket({ ...spec, link });
        assert.ok(read({ ...spec, link, padding: 18 }));
        for (let length = 0; length < frame.length; length++) {
          assert.equal(
            read({ link }, frame, length),
            undefined,
            `${link}, ${length} of ${frame.length} bytes`,
          );
          assert.equal(read({ link }, frame.subarray(0, length), frame.length), undefined);
        }
      }
    }
  });

  it('refuses headers that lie about their length', () => {
    const raw = { link: 'raw' } as const;
    for (const [at, value] of [
      [0, 0x44],
      [0, 0x4f],
      [3, 19],
      [3, 39],
      [3, 41],
      [20 + 12, 0x40],
      [20 + 12, 0xf0],
    ] as const) {
      assert.equal(read(raw, patched(raw, at, value)), undefined, `byte ${at} = ${value}`);
    }
    const udp = { link: 'raw', protocol: 'udp' } as const;
    // With a header of 16 bytes the source port would pass for a UDP length.
    const short = { ...udp, sourcePort: 8 };
    assert.equal(read(short, patched(short, 0, 0x44)), undefined);
    assert.equal(read(udp, patched(udp, 20 + 5, 7)), undefined);
    const long = { ...V6, link: 'raw', extensions: [{ header: 60 }] } as const;
    assert.equal(read(long, patched(long, 41, 255)), undefined);
  });

  it('refuses addresses that cannot be a source', () => {
    for (const source of ['0.0.0.0', '0.1.2.3', '224.0.0.1', '239.255.255.255', '255.255.255.255']) {
      assert.equal(read({ source }), undefined, source);
    }
    for (const source of ['240.0.0.1', '127.0.0.1', '223.255.255.255', '1.0.0.0']) {
      assert.ok(read({ source }), source);
    }
    for (const source of ['::', 'ff02::1']) assert.equal(read({ ...V6, source }), undefined, source);
    for (const source of ['::1', 'fe80::1', '::102:304']) assert.ok(read({ ...V6, source }), source);
    for (const at of [8, 24]) {
      const mapped = buildPacket({ ...V6, link: 'raw' });
      mapped.set(Buffer.from('00000000000000000000ffff01020304', 'hex'), at);
      assert.equal(read({ link: 'raw' }, mapped), undefined);
    }
  });
});
