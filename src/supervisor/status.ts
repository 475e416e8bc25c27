import { LISTS } from '../base/lists.js';
import type { Firewall } from '../firewall/firewall.js';
import { listSets } from '../firewall/sets.js';
import type { ServiceReport, StatusReport } from '../wire/reports.js';
import type { ListenerKeeper } from './listener-keeper.js';

/** How the listener is. */
export function reportListener({
  pid,
  figures,
}: Pick<ListenerKeeper, 'pid' | 'figures'>): StatusReport['listener'] {
  const { packets, interfaces, silentMs, roundTripMs, hearsMs, asked, lost } = figures;
  return {
    pid: pid ?? null,
    interfaces,
    packets,
    silent: silentMs === undefined ? null : tenths(silentMs),
    selfKnock:
      roundTripMs === undefined || hearsMs === undefined
        ? null
        : { roundTrip: Math.round(roundTripMs * 100) / 100, age: tenths(hearsMs), asked, lost },
  };
}

/** Milliseconds as seconds, to the tenth. */
function tenths(ms: number): number {
  return Math.round(ms / 100) / 10;
}

/** What the kernel holds of each service. */
export async function reportServices(firewall: Firewall): Promise<ServiceReport[]> {
  if (firewall.services.length === 0) return [];
  const inForce = await firewall.inForce();
  const headers = await firewall.sets.headers();
  return Promise.all(
    firewall.services.map(async (service) => {
      const counts = LISTS.map((list) =>
        listSets(service.name, list).reduce((sum, { set }) => sum + (headers.get(set)?.entries ?? 0), 0),
      );
      return {
        name: service.name,
        protocol: service.protocol,
        ports: service.ports,
        onFailure: service.onFailure,
        gate: service.gate ?? 'normal',
        switchLeft: (await firewall.sets.ports.switchLeft(service)) ?? null,
        rules: inForce
          .filter((one) => one.service === service.name)
          .map(({ family, chains, jump, awaits }) => ({ family, chains, jump, awaits })),
        entries: { banned: counts[0] ?? 0, trusted: counts[1] ?? 0, filter: counts[2] ?? 0 },
      };
    }),
  );
}
