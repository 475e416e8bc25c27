import { LISTS } from '../base/lists.js';
import type { Firewall } from '../firewall/firewall.js';
import { aliveSet } from '../firewall/names.js';
import { listSets } from '../firewall/sets.js';
import type { ServiceReport } from '../wire/reports.js';

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
      const built = headers.has(aliveSet(service.name));
      return {
        name: service.name,
        protocol: service.protocol,
        ports: service.ports,
        onFailure: service.onFailure,
        switchLeft: built ? ((await firewall.sets.switchLeft(service)) ?? null) : null,
        rules: inForce
          .filter((one) => one.service === service.name)
          .map(({ family, chains, jump }) => ({ family, chains, jump })),
        entries: { banned: counts[0] ?? 0, trusted: counts[1] ?? 0, filter: counts[2] ?? 0 },
      };
    }),
  );
}
