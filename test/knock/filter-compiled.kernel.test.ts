import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { decode } from '../../src/knock/decode.js';
import { countsBeginnings, type Door, type Step } from '../../src/knock/door.js';
import { captureFilter } from '../../src/knock/filter.js';
import { createPacket, type LinkType } from '../../src/knock/packet.js';
import { Tracker } from '../../src/knock/tracker.js';
import { buildPacket, type PacketSpec, pcapFile } from '../helpers/packets.js';
import { ANY_FLAGS, door, OWN, OWN6, ownAddresses, Recorder, SYN, SYN_ONLY } from './support.js';

const LINKS: readonly LinkType[] = ['ethernet', 'sll', 'sll2', 'raw'];
const DLT = { ethernet: 'EN10MB', sll: 'LINUX_SLL', sll2: 'LINUX_SLL2', raw: 'RAW' };

/** The number of instructions that libpcap compiles the filter into. */
function instructions(filter: string, link: LinkType): number {
  const run = spawnSync('tcpdump', ['-y', DLT[link], '-ddd', filter], { encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return Number(run.stdout.split('\n')[0]);
}

/** Which of the packets libpcap lets through, by their index. */
function passing(filter: string, link: LinkType, frames: readonly Buffer[]): Set<number> {
  const run = spawnSync('tcpdump', ['-nn', '-tt', '-r', '-', filter], {
    input: pcapFile(link, frames),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  assert.equal(run.status, 0, run.stderr);
  const lines = run.stdout.split('\n').filter((line) => /^\d+\.\d{6} /.test(line));
  return new Set(lines.map((line) => Number(line.split('.')[0])));
}

/** Tells whether a packet counts at one of the doors: that does not depend on what came before. */
function counter(doors: readonly Door[], link: LinkType): (frame: Buffer) => boolean {
  const tracker = new Tracker(doors, ownAddresses(OWN, OWN6), { hashKey: [0, 0] }, new Recorder());
  const packet = createPacket();
  return (frame) => decode(frame, frame.length, link, packet) && tracker.packet(packet, 0);
}

/** One packet of every shape to the port. */
function shapes(link: LinkType, destinationPort: number): PacketSpec[] {
  const v6 = { source: '2001:db8::2', destination: OWN6 };
  const families: PacketSpec[] = [
    { destination: OWN },
    { destination: OWN, options: Buffer.alloc(12, 1) },
    { destination: OWN, fragment: { offset: 0, more: true } },
    { destination: OWN, fragment: { offset: 3, more: false } },
    v6,
    { ...v6, extensions: [{ header: 0 }, { header: 60 }] },
    { ...v6, extensions: [{ header: 44 }] },
    { ...v6, extensions: [{ header: 51, body: Buffer.alloc(22) }] },
    { ...v6, extensions: [{ header: 43, body: Buffer.alloc(22) }] },
  ];
  const tagged = link === 'ethernet' ? [[], [0x8100], [0x88a8, 0x8100]] : [[]];
  return families.flatMap((family) =>
    tagged.flatMap((tags) => [
      ...[0x02, 0x12, 0x10, 0].map((flags) => ({ ...family, link, tags, destinationPort, flags })),
      { ...family, link, tags, destinationPort, protocol: 'udp' as const },
    ]),
  );
}

function portOf(step: Step): number {
  return step.port;
}

const doorsArbitrary = fc.array(
  fc
    .record({
      ports: fc.array(fc.integer({ min: 7000, max: 7012 }), { minLength: 1, maxLength: 5 }),
      udp: fc.boolean(),
      flags: fc.constantFrom(SYN, SYN_ONLY, ANY_FLAGS, { mask: 0x12, value: 0x10 }),
    })
    .map(({ ports, udp, flags }) =>
      door(ports.map((port, index) => `${port}${udp && index % 2 === 0 ? ':udp' : ''}`).join(','), { flags }),
    ),
  { minLength: 1, maxLength: 4 },
);

/** Doors of 32 ports each, scattered, so that no bound but the port numbers holds them together. */
function manyDoors(count: number): Door[] {
  return Array.from({ length: count }, (_, index) => {
    const ports = Array.from({ length: 32 }, (__, step) => 1 + (((index * 32 + step) * 40_503) % 65_535));
    const items = ports.map((port) => `${port}${port % 3 === 0 ? ':udp' : ''}`);
    return door(items.join(','), { flags: index % 2 === 0 ? SYN : SYN_ONLY });
  });
}

describe('the capture filter', () => {
  for (const link of LINKS) {
    it(`passes all that counts, and of other ports beginnings of connections at most: ${link}`, () => {
      const ports = Array.from({ length: 15 }, (_, index) => 6999 + index);
      const specs = ports.flatMap((port) => shapes(link, port));
      const frames = specs.map(buildPacket);
      let counting = 0;
      fc.assert(
        fc.property(doorsArbitrary, (doors) => {
          const passed = passing(captureFilter(doors, link), link, frames);
          const counted = counter(doors, link);
          const steps = doors.flatMap((one) => one.sequence);
          const known = new Set(steps.map((step) => `${step.port}${step.protocol}`));
          const [lowest, highest] = [Math.min(...steps.map(portOf)), Math.max(...steps.map(portOf))];
          for (const [index, frame] of frames.entries()) {
            const spec = specs[index];
            const counts = counted(frame);
            if (counts) counting++;
            if (counts) assert.ok(passed.has(index), `kept out: ${JSON.stringify(spec)}`);
            const port = spec?.destinationPort ?? 0;
            // Of tagged frames a coarser promise is made: nothing beyond the outermost ports.
            const foreign =
              spec?.tags?.length === 0
                ? !known.has(`${port}${spec.protocol ?? 'tcp'}`)
                : port < lowest || port > highest;
            // Of connections that somebody begins all ports are looked at, where a door counts nothing else (coveredPorts).
            const begins =
              (spec?.protocol ?? 'tcp') === 'tcp' &&
              ((spec?.flags ?? 0) & 2) !== 0 &&
              spec?.tags?.length === 0;
            if (begins && doors.some(({ flags }) => countsBeginnings(flags))) continue;
            if (foreign && spec?.extensions === undefined) {
              assert.ok(!passed.has(index), `let through: ${JSON.stringify(spec)}`);
            }
          }
        }),
        { numRuns: 25 },
      );
      assert.ok(counting > 1000, `${counting} packets counted`);
    });

    it(`keeps out TCP whose flags no door asks for: ${link}`, () => {
      const filter = captureFilter([door('7000,7001')], link);
      const frames = shapes(link, 7000).filter(
        (spec) => spec.extensions === undefined && spec.tags?.length === 0 && spec.flags === 0x10,
      );
      assert.ok(frames.length >= 4);
      assert.equal(passing(filter, link, frames.map(buildPacket)).size, 0);
    });

    it(`without doors passes nothing: ${link}`, () => {
      const frames = shapes(link, 7000).map(buildPacket);
      assert.equal(passing(captureFilter([], link), link, frames).size, 0);
    });

    it(`compiles for a thousand doors of 32 ports, and passes them: ${link}`, () => {
      const doors = manyDoors(1000);
      const filter = captureFilter(doors, link);
      const count = instructions(filter, link);
      // BPF_MAXINSNS is 4,096, but net.core.optmem_max, 20,480 bytes by default before Linux 6.9, also bounds it.
      assert.ok(count < 800, `${count} instructions`);
      const frames = [0, 499, 999].flatMap((index) =>
        (doors[index]?.sequence ?? []).map((step) =>
          buildPacket({ link, destination: OWN, destinationPort: step.port, protocol: step.protocol }),
        ),
      );
      assert.equal(passing(filter, link, frames).size, frames.length);
    });
  }

  it('joins neighbouring ports', () => {
    const filter = captureFilter([door('7002,7000,7001,9000:udp,65535', { flags: ANY_FLAGS })], 'raw');
    assert.match(filter, /tcp dst portrange 7000-7002 or tcp dst port 65535/);
    assert.match(filter, /udp dst port 9000/);
  });

  // Red without allPorts.
  it('looks at each connection that begins where a door counts nothing else, whatever the port', () => {
    const frames = [1, 1023, 1024, 7000, 65535].map((destinationPort) =>
      buildPacket({ link: 'raw', destination: OWN, destinationPort }),
    );
    assert.deepEqual([...passing(captureFilter([door('7000,8000')], 'raw'), 'raw', frames)], [2, 3, 4]);
    assert.deepEqual([...passing(captureFilter([door('7000,80')], 'raw'), 'raw', frames)], [0, 1, 2, 3, 4]);
  });

  it('lets the listener see its own knock, on the loopback only, doors or not', () => {
    for (const doors of [[], [door('7000:udp')]]) {
      const filter = captureFilter(doors, 'sll', 5555);
      const spec = { link: 'sll', protocol: 'udp', sourcePort: 5555, destinationPort: 5555 } as const;
      const frames = [
        buildPacket({ ...spec, source: '127.0.0.1', destination: '127.0.0.1' }),
        buildPacket({ ...spec, sourcePort: 5556, source: '127.0.0.1', destination: '127.0.0.1' }),
        buildPacket({ ...spec, source: '::1', destination: '::1' }),
        buildPacket({ ...spec, destination: OWN }),
        buildPacket({ ...spec, protocol: 'tcp', source: '127.0.0.1', destination: '127.0.0.1' }),
      ];
      assert.deepEqual([...passing(filter, 'sll', frames)], [0]);
    }
  });

  // Red without NOT_LOOPBACK.
  it('passes nothing else of the loopback on any: local users send there as they like', () => {
    const filter = captureFilter([door('7000,8000:udp')], 'sll2', 5555);
    const frames = [1, 2].flatMap((device) =>
      (['tcp', 'udp'] as const).map((protocol) => {
        const frame = buildPacket({
          link: 'sll2',
          protocol,
          destinationPort: protocol === 'tcp' ? 7000 : 8000,
        });
        frame.writeUInt32BE(device, 4);
        return frame;
      }),
    );
    assert.deepEqual([...passing(filter, 'sll2', frames)], [2, 3]);
  });
});
