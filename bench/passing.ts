/** What a packet that is no knock costs, with and without our rules before the one that drops it. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Family } from '../src/base/address.js';
import type { Backend } from '../test/helpers/lab.js';
import { Stand } from './stand.js';
import { median } from './statistics.js';

/** Before a rule that drops all: nothing, the jump of a service, and that of the doors as well. */
export type Rules = 'none' | 'service' | 'service and doors';
export type Protocol = 'tcp' | 'udp';

export interface Passing {
  readonly backend: Backend;
  readonly family: Family;
  readonly protocol: Protocol;
  readonly doors: number;
  /** A packet's way from the generator to the rule that drops it, in nanoseconds of a core: median of the rounds. */
  readonly nanoseconds: Readonly<Record<Rules, number>>;
  /** What the doors add: median of the differences of neighbours, and the lowest and highest of these. */
  readonly doorsAdd: number;
  readonly doorsAddFrom: number;
  readonly doorsAddTo: number;
}

const ROUNDS = 5;
const SECONDS = 0.25;
/** No door's port, and no service's. */
const PORT = 5000;
const RULES: readonly Rules[] = ['none', 'service', 'service and doors'];

export async function measurePassing(
  backend: Backend,
  doors: number,
  family: Family = 4,
): Promise<Passing[]> {
  await using stand = await Stand.open({ engine: 'kernel', backend, doors, family });
  // Nobody puts rules back then, and no capture looks at the packets.
  await stand.kill();
  const jumps = await ourJumps(stand, family);
  const passing: Passing[] = [];
  for (const protocol of ['tcp', 'udp'] as const) {
    const rounds: Record<Rules, number>[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const times: Record<Rules, number> = { none: NaN, service: NaN, 'service and doors': NaN };
      // Back and forth, so that what changes with time changes all alike.
      for (const rules of round % 2 === 0 ? RULES : RULES.toReversed()) {
        await load(stand, family, jumps[rules]);
        times[rules] = await packet(stand, protocol);
      }
      rounds.push(times);
    }
    const of = (rules: Rules): number => median(rounds.map((times) => times[rules]));
    const added = rounds.map((times) => times['service and doors'] - times.service);
    passing.push({
      backend,
      family,
      protocol,
      doors,
      nanoseconds: {
        none: of('none'),
        service: of('service'),
        'service and doors': of('service and doors'),
      },
      doorsAdd: median(added),
      doorsAddFrom: Math.min(...added),
      doorsAddTo: Math.max(...added),
    });
  }
  return passing;
}

/** The lines of INPUT that are ours, as the back end prints them, by what shall be there. */
async function ourJumps(stand: Stand, family: Family): Promise<Record<Rules, readonly string[]>> {
  const listed = await stand.lab.iptables('server', family, ['-S', 'INPUT']);
  const all = listed.split('\n').filter((line) => line.includes('knockctl:'));
  const doors = all.filter((line) => line.endsWith('.doors'));
  if (doors.length === 0 || doors.length === all.length) throw new Error(`no jump of ours: ${listed}`);
  return { none: [], service: all.filter((line) => !doors.includes(line)), 'service and doors': all };
}

async function load(stand: Stand, family: Family, jumps: readonly string[]): Promise<void> {
  const lines = ['*filter', '-F INPUT', ...jumps, '-A INPUT -j DROP', 'COMMIT', ''];
  await stand.restore(lines.join('\n'), family);
}

async function packet(stand: Stand, protocol: Protocol): Promise<number> {
  const { flooded } = await stand.flood({ seconds: 2 * SECONDS, protocol, port: PORT }, () =>
    delay(SECONDS * 1000),
  );
  return flooded.coreNs / flooded.sent;
}
