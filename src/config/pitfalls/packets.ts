import { TCP_FLAGS, type Protocol } from '../../knock/door.js';
import type { Config, DoorSettings } from '../settings.js';
import type { Pitfall } from './doors.js';
import type { HostFacts } from './host.js';

/** Doors that open, or do not, by the packets that really come. Pure. */

/** Doors of one port at which packets come that nobody means as a knock. */
export function busyDoors(
  { doors, settings }: Config,
  { listening }: Pick<HostFacts, 'listening'>,
): Pitfall[] {
  return doors.flatMap((settled) => {
    const { door, line } = settled;
    const only = onlyStep(settled);
    if (only === undefined || door.cooldownMs !== undefined) return [];
    const { protocol, port } = only;
    const is = (one: { readonly protocol: Protocol; readonly port: number }): boolean =>
      one.protocol === protocol && one.port === port;
    const inUse =
      listening.some(is) ||
      settings.services.some((service) => service.protocol === protocol && service.ports.includes(port));
    const { mask, value } = door.flags;
    const beginsOnly = protocol === 'tcp' && (mask & TCP_FLAGS.syn & value) !== 0;
    const countsAll = protocol === 'tcp' && !beginsOnly && (mask & TCP_FLAGS.ack & value) !== 0;
    if (!countsAll && !inUse) return [];
    const what =
      protocol === 'tcp' && beginsOnly
        ? `each connection to ${protocol} port ${port}`
        : `each packet to ${protocol} port ${port}`;
    const why = countsAll ? 'tcpflags = ack is of connections that are open' : 'somebody uses that port';
    const text = `door ${door.name}: ${what} is a knock, and runs its command (${why}): seq_cooldown = 60 lets it rest between`;
    return [{ line, text }];
  });
}

/** The step of a sequence that has but one port, however often. */
function onlyStep({
  door: { sequence },
  oneTime,
}: DoorSettings): DoorSettings['door']['sequence'][number] | undefined {
  const [first] = sequence;
  if (first === undefined || oneTime !== undefined) return undefined;
  return sequence.every((step) => step.port === first.port && step.protocol === first.protocol)
    ? first
    : undefined;
}

/** Ports that browsers connect to for nobody ("bad ports" of the Fetch Standard). */
const BAD_PORTS: ReadonlySet<number> = new Set([
  ...[1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103],
  ...[104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513],
  ...[514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720],
  ...[1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080],
]);

/** Where duplicates are forgiven, browsers are to knock: a door that they cannot knock at. */
export function refusedByBrowsers({ doors, settings }: Pick<Config, 'doors' | 'settings'>): Pitfall[] {
  if (settings.listener.duplicates !== 'tolerate') return [];
  return doors.flatMap(({ door: { name, sequence }, line }) => {
    const bad = sequence.filter(({ protocol, port }) => protocol === 'tcp' && BAD_PORTS.has(port));
    if (bad.length === 0) return [];
    const ports = [...new Set(bad.map(({ port }) => port))].join(', ');
    const text = `door ${name}: browsers refuse to connect to port ${ports}: if one is to knock (duplicates = tolerate), take others`;
    return [{ line, text }];
  });
}
