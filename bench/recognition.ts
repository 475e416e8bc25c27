/**
 * How many packets a second decode and Tracker take together on one core, by the number of sources and doors. Run as a program it
 * prints a line of JSON for each case: so it has a process of its own, in which nothing else was compiled.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { parseAddress, type Family } from '../src/base/address.js';
import { AddressSet } from '../src/knock/addresses.js';
import { decode } from '../src/knock/decode.js';
import type { Door } from '../src/knock/door.js';
import { Duplicates } from '../src/knock/duplicates.js';
import { createPacket } from '../src/knock/packet.js';
import { Tracker } from '../src/knock/tracker.js';
import { buildPacket } from '../test/helpers/packets.js';

export interface Recognition {
  readonly family: Family;
  /** To the first ports of doors, or to any. */
  readonly traffic: 'first ports' | 'all ports';
  readonly sources: number;
  readonly doors: number;
  readonly packetsPerSecond: number;
  readonly events: number;
  readonly evicted: number;
  readonly attempts: number;
  readonly copies: number;
  readonly rssMB: number;
}

const PACKETS = 2_000_000;
/** Before the first case: the code is compiled by then. */
const WARM_UP = 300_000;
const SYN = { mask: 2, value: 2 };
const OWN = { 4: '198.51.100.1', 6: '2001:db8::1' };
const SOURCE = { 4: '192.0.2.1', 6: '2001:db8:ffff::1' };

/** Doors with ports of their own: 1000, 1001, 1002 for the first, and so on. */
function makeDoors(count: number): Door[] {
  return Array.from({ length: count }, (_, id) => ({
    id,
    name: `door${id}`,
    sequence: [0, 1, 2].map((step) => ({ protocol: 'tcp', port: 1000 + id * 3 + step })),
    windowMs: 15_000,
    flags: SYN,
    target: undefined,
  }));
}

function ownAddresses(): AddressSet {
  const parsed = [parseAddress(OWN[4]), parseAddress(OWN[6])];
  return new AddressSet(parsed.flatMap((address) => (address.ok ? [address.value] : [])));
}

/**
 * Sends packets from `sources` addresses in turn, at 330,000 a second of packet time, each to the first port of
 * some door (`firsts`) or to any port of any.
 */
function measure(
  family: Family,
  sources: number,
  doorCount: number,
  firsts: boolean,
  packets = PACKETS,
): Recognition {
  const doors = makeDoors(doorCount);
  let events = 0;
  const count = (): void => {
    events++;
  };
  const sink = { stage: count, open: count, timeout: count };
  const tracker = new Tracker(doors, ownAddresses(), { hashKey: [0x1234567, 0x89abcde] }, sink);
  const duplicates = new Duplicates();
  const packet = createPacket();
  const frame = buildPacket({ link: 'sll', source: SOURCE[family], destination: OWN[family] });
  const sourceAt = family === 4 ? 16 + 12 : 16 + 20;
  const portAt = family === 4 ? 16 + 20 + 2 : 16 + 40 + 2;
  let copies = 0;
  const began = process.hrtime.bigint();
  for (let index = 0; index < packets; index++) {
    // Scattered over the address space, as forged sources are.
    const source = (Math.imul((index % sources) + 1, 0x9e3779b1) >>> 0) % 0xd0000000;
    frame.writeUInt32BE(0x0b000000 + source, sourceAt);
    const random = Math.imul(index + 7, 0x85ebca6b) >>> 8;
    const port = firsts ? (random % doorCount) * 3 : random % (doorCount * 3);
    frame.writeUInt16BE(1000 + port, portAt);
    frame.writeInt32BE(index, portAt + 2);
    const nowMs = index * 0.003;
    if (!decode(frame, frame.length, 'sll', packet))
      throw new Error('the bench built a packet that does not decode');
    if (duplicates.seenBefore(packet, nowMs)) copies++;
    tracker.packet(packet, nowMs);
    if (index % 100_000 === 0) tracker.expire(nowMs);
  }
  const seconds = Number(process.hrtime.bigint() - began) / 1e9;
  const packetsPerSecond = Math.round(packets / seconds);
  const { evicted, attempts } = tracker;
  return {
    family,
    traffic: firsts ? 'first ports' : 'all ports',
    sources,
    doors: doorCount,
    packetsPerSecond,
    events,
    evicted,
    attempts,
    copies,
    rssMB: Math.round(process.memoryUsage().rss / 1e6),
  };
}

function measureAll(): Recognition[] {
  measure(4, 1000, 10, true, WARM_UP);
  measure(6, 1000, 10, true, WARM_UP);
  const all: Recognition[] = [];
  for (const doors of [1, 1000]) {
    for (const sources of [10, 1_000_000]) {
      all.push(measure(4, sources, doors, true), measure(4, sources, doors, false));
      all.push(measure(6, sources, doors, true));
    }
  }
  return all;
}

const PROGRAM = fileURLToPath(import.meta.url);

/** All cases, in a process of their own. */
export function measureRecognition(): Recognition[] {
  const done = spawnSync(process.execPath, [PROGRAM], { encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`recognition: ${done.stderr}`);
  const lines = done.stdout.trimEnd().split('\n');
  return lines.map((line) => {
    const value: unknown = JSON.parse(line);
    if (!isRecognition(value)) throw new Error(`recognition printed ${line}`);
    return value;
  });
}

function isRecognition(value: unknown): value is Recognition {
  return typeof value === 'object' && value !== null && 'packetsPerSecond' in value;
}

if (process.argv[1] === PROGRAM) for (const one of measureAll()) console.log(JSON.stringify(one));
