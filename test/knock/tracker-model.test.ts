import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { Door } from '../../src/knock/door.js';
import { addressText, type Packet, sameAddress, addressWords } from '../../src/knock/packet.js';
import { Tracker, type TrackerOptions } from '../../src/knock/tracker.js';
import { network, OWN, OWN6, ownAddresses, packetOf, Recorder } from './support.js';

interface ModelAttempt {
  readonly door: Door;
  readonly startMs: number;
  stage: number;
}

/** The rules as they are written down, without a thought for speed. */
class Model {
  readonly #doors: readonly Door[];
  #attempts = new Map<string, ModelAttempt[]>();

  constructor(doors: readonly Door[]) {
    this.#doors = doors;
  }

  packet(packet: Packet, nowMs: number): string[] {
    const step = (door: Door, at: number): boolean =>
      door.sequence[at]?.port === packet.destinationPort && door.sequence[at].protocol === packet.protocol;
    const flagsFit = (door: Door): boolean =>
      packet.protocol === 'udp' || (packet.flags & door.flags.mask) === door.flags.value;
    const destinations = (door: Door): string[] =>
      door.target === undefined ? [OWN, OWN6] : [door.target.text];
    const here = (door: Door): boolean =>
      destinations(door).some((text) => sameAddress(addressWords(network(text)), packet.destination));
    const fits = (door: Door): boolean => flagsFit(door) && here(door);

    if (!this.#doors.some((door) => fits(door) && door.sequence.some((_, at) => step(door, at)))) return [];
    const source = addressText(packet.source);
    const events: string[] = [];
    const tell = (door: Door, what: string): void => void events.push(`${source} ${door.name} ${what}`);
    const all = this.#attempts.get(source) ?? [];
    const alive = all.filter(({ door, startMs }) => door.windowMs > 0 && nowMs - startMs <= door.windowMs);
    for (const attempt of all) if (!alive.includes(attempt)) tell(attempt.door, `timeout ${attempt.stage}`);
    const underWay = alive.filter((attempt) => here(attempt.door));
    let left = alive;
    for (const attempt of underWay) {
      if (!flagsFit(attempt.door)) continue;
      const expected = step(attempt.door, attempt.stage);
      if (expected) tell(attempt.door, `stage ${++attempt.stage}`);
      const opens = attempt.stage === attempt.door.sequence.length;
      if (opens) tell(attempt.door, 'open');
      if (!expected || opens) left = left.filter((other) => other !== attempt);
    }
    if (underWay.length === 0) {
      for (const door of this.#doors.filter((door) => fits(door) && step(door, 0))) {
        tell(door, 'stage 1');
        if (door.sequence.length === 1) tell(door, 'open');
        else left = [...left, { door, startMs: nowMs, stage: 1 }];
      }
    }
    this.#attempts.set(source, left);
    return events;
  }
}

const TARGET = '203.0.113.9';
const port = fc.integer({ min: 1, max: 5 });
const protocol = fc.constantFrom('tcp' as const, 'tcp' as const, 'udp' as const);
const flags = fc.constantFrom(
  { mask: 0, value: 0 },
  { mask: 2, value: 2 },
  { mask: 0x12, value: 2 },
  { mask: 0x10, value: 0x10 },
);
const doorShape = fc.record({
  sequence: fc.array(fc.record({ port, protocol }), { minLength: 1, maxLength: 4 }),
  windowMs: fc.constantFrom(0, 50, 200, 1000, 1e9),
  flags,
  target: fc.constantFrom(undefined, undefined, network(TARGET)),
});
const doorList = fc.array(doorShape, { minLength: 1, maxLength: 6 }).chain((shapes) =>
  // Some doors continue the sequence of another, so that prefixes are shared.
  fc.array(fc.boolean(), { minLength: shapes.length, maxLength: shapes.length }).map((continued) =>
    shapes.map((shape, id): Door => {
      const before = continued[id] === true ? (shapes[id - 1]?.sequence ?? []) : [];
      return { ...shape, sequence: [...before, ...shape.sequence], id, name: `d${id}` };
    }),
  ),
);
const SOURCES = ['192.0.2.1', '192.0.2.2', '10.0.0.1', '2001:db8::7', '::c000:201'];
const sent = fc.record({
  source: fc.constantFrom(...SOURCES),
  toTarget: fc.integer({ min: 0, max: 3 }).map((value) => value === 0),
  protocol,
  port,
  flags: fc.constantFrom(2, 2, 2, 0x12, 0x10, 0),
  gapMs: fc.constantFrom(0, 1, 10, 49, 50, 51, 150, 1001),
  /** Follow some door's sequence with this step rather than a random port. */
  follow: fc.option(fc.record({ door: fc.nat(5), step: fc.nat(7) })),
});
const packets = fc.array(sent, { maxLength: 80, size: 'max' });
type Sent = typeof sent extends fc.Arbitrary<infer T> ? T : never;

/** The packets with their times; most follow the doors, or nothing would ever open. */
function schedule(doors: readonly Door[], list: readonly Sent[]): { packet: Packet; nowMs: number }[] {
  let nowMs = 0;
  let run: { door: Door; step: number } | undefined;
  return list.map((item) => {
    nowMs += item.gapMs;
    const next = run === undefined ? undefined : run.door.sequence[++run.step];
    const chosen = item.follow === null ? undefined : doors[item.follow.door % doors.length];
    if (next === undefined) run = chosen === undefined ? undefined : { door: chosen, step: 0 };
    const step = item.follow === null ? undefined : (next ?? chosen?.sequence[0]);
    const own = item.source.includes(':') ? OWN6 : OWN;
    const packet = packetOf(item.source, item.toTarget && own === OWN ? TARGET : own, {
      protocol: step?.protocol ?? item.protocol,
      destinationPort: step?.port ?? item.port,
      flags: item.flags,
    });
    return { packet, nowMs };
  });
}

function track(
  doors: readonly Door[],
  options: Partial<TrackerOptions> = {},
): { tracker: Tracker; recorder: Recorder } {
  const recorder = new Recorder();
  const own = ownAddresses(OWN, OWN6);
  return { tracker: new Tracker(doors, own, { hashKey: [3, 4], ...options }, recorder), recorder };
}

/** Events of one packet door by door: the order of doors is not part of the contract, that of one door's events is. */
function byDoor(events: readonly string[]): string {
  if (events.length < 2) return events.join();
  const door = (event: string): string => event.split(' ')[1] ?? '';
  return events.toSorted((a, b) => (door(a) < door(b) ? -1 : Number(door(a) > door(b)))).join('\n');
}

describe('the tracker against the model', () => {
  it('tells the same of random doors and packets', () => {
    let opened = 0;
    let timedOut = 0;
    fc.assert(
      fc.property(doorList, packets, (doors, list) => {
        const model = new Model(doors);
        const { tracker, recorder } = track(doors);
        for (const { packet, nowMs } of schedule(doors, list)) {
          tracker.packet(packet, nowMs);
          const events = recorder.take();
          assert.equal(byDoor(events), byDoor(model.packet(packet, nowMs)));
          opened += events.filter((event) => event.endsWith('open')).length;
          timedOut += events.filter((event) => event.includes('timeout')).length;
        }
      }),
      { numRuns: 1500 },
    );
    // The generators are worth something only while all kinds of events come up.
    assert.ok(opened > 500 && timedOut > 500, `${opened} opened, ${timedOut} timed out`);
  });

  it('one source never changes what another meets', () => {
    fc.assert(
      fc.property(doorList, packets, (doors, list) => {
        const sequence = schedule(doors, list);
        const together = track(doors);
        for (const { packet, nowMs } of sequence) together.tracker.packet(packet, nowMs);
        const all = together.recorder.take();
        for (const source of SOURCES) {
          const alone = track(doors);
          for (const { packet, nowMs } of sequence) {
            if (addressText(packet.source) === addressText(addressWords(network(source)))) {
              alone.tracker.packet(packet, nowMs);
            }
          }
          const its = all.filter((event) => event.startsWith(`${source} `));
          assert.deepEqual(its, alone.recorder.take());
        }
      }),
      { numRuns: 300 },
    );
  });

  it('keeps its bounds, however small, and loses only the oldest', () => {
    const bounds = fc.record({
      maxAttempts: fc.integer({ min: 1, max: 4 }),
      maxAdvanced: fc.integer({ min: 1, max: 3 }),
    });
    let evictions = 0;
    fc.assert(
      fc.property(doorList, packets, bounds, (doors, list, limits) => {
        const small = track(doors, limits);
        const large = track(doors);
        let same = true;
        for (const { packet, nowMs } of schedule(doors, list)) {
          small.tracker.packet(packet, nowMs);
          large.tracker.packet(packet, nowMs);
          assert.ok(small.tracker.attempts <= limits.maxAttempts + limits.maxAdvanced);
          // Until the first eviction the bounds are not to be seen at all.
          same &&= small.tracker.evicted === 0;
          if (same) assert.equal(small.recorder.events.join('\n'), large.recorder.events.join('\n'));
        }
        evictions += small.tracker.evicted;
        small.tracker.expire(1e12);
        assert.equal(small.tracker.attempts, 0);
      }),
      { numRuns: 500 },
    );
    assert.ok(evictions > 200, `${evictions} evictions`);
  });
});
