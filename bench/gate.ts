/** What a packet costs with the strict gate, beside what it costs without: to another port, and to the protected one. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Backend } from '../test/helpers/lab.js';
import { DOOR_PORT } from './engines.js';
import { Stand } from './stand.js';
import { median } from './statistics.js';
import type { Row } from './table.js';

const GATES = ['normal', 'strict'] as const;
type GateName = (typeof GATES)[number];
const TO = { 'another port': 5000, 'the protected port': DOOR_PORT } as const;
type To = keyof typeof TO;

export interface Gate {
  readonly backend: Backend;
  readonly to: To;
  /** A SYN's way from the generator to the rule that drops it, in nanoseconds of a core: median of the rounds. */
  readonly nanoseconds: Readonly<Record<GateName, number>>;
  /** What the gate adds: median of the differences of neighbours, and the lowest and highest of these. */
  readonly adds: number;
  readonly addsFrom: number;
  readonly addsTo: number;
}

const ROUNDS = 9;
const SECONDS = 0.25;

export async function measureGate(backend: Backend): Promise<Gate[]> {
  await using normal = await Stand.open({ engine: 'kernel', backend });
  await using strict = await Stand.open({ engine: 'kernel', backend, more: 'gate = strict\n' });
  const stands = { normal, strict };
  for (const stand of Object.values(stands)) {
    await stand.kill(); // no capture looks at the packets then
    await stand.lab.iptables('server', 4, ['-A', 'INPUT', '-j', 'DROP']);
  }
  const gates: Gate[] = [];
  for (const to of ['another port', 'the protected port'] as const) {
    const rounds: Record<GateName, number>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const times: Record<GateName, number> = { normal: NaN, strict: NaN };
      // Back and forth, so that what changes with time changes both alike.
      for (const gate of round % 2 === 0 ? GATES : GATES.toReversed())
        times[gate] = await packet(stands[gate], TO[to]);
      rounds.push(times);
    }
    const added = rounds.map((times) => times.strict - times.normal);
    gates.push({
      backend,
      to,
      nanoseconds: {
        normal: median(rounds.map((times) => times.normal)),
        strict: median(rounds.map((times) => times.strict)),
      },
      adds: median(added),
      addsFrom: Math.min(...added),
      addsTo: Math.max(...added),
    });
  }
  return gates;
}

export function gateRows(all: readonly Gate[]): Row[] {
  return all.map(({ backend, to, nanoseconds, adds }) => ({
    what: `a SYN that is refused, to ${to}, ${backend}: the strict gate adds`,
    ours: `${Math.round(adds)} of ${Math.round(nanoseconds.strict)} ns`,
  }));
}

async function packet(stand: Stand, port: number): Promise<number> {
  const { flooded } = await stand.flood({ seconds: 2 * SECONDS, port }, async () => delay(SECONDS * 1000));
  return flooded.coreNs / flooded.sent;
}
