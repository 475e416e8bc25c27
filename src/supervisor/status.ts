import { LISTS } from '../base/lists.js';
import type { Firewall } from '../firewall/firewall.js';
import { aliveSet } from '../firewall/names.js';
import { listSets } from '../firewall/sets.js';
import type { State } from './machine.js';

/** What `knockctl status --json` prints. Times in seconds. */
export interface StatusReport {
  readonly state: State;
  /** What the state means. */
  readonly meaning: string;
  /** ISO 8601, UTC: since when, and why. */
  readonly since: string;
  readonly reason: string;
  readonly pid: number | null;
  readonly backend: string | null;
  readonly listener: {
    readonly pid: number | null;
    readonly interfaces: readonly string[];
    readonly packets: number;
    /** Seconds since it was last heard; null where there is none. */
    readonly silent: number | null;
  } | null;
  readonly services: readonly ServiceReport[];
  readonly doors: readonly { readonly name: string; readonly sequence: string }[];
  readonly pendingStops: number;
  /** ISO 8601, UTC; null where none comes. */
  readonly nextHealthCheck: string | null;
  readonly configuration: string | null;
}

export interface ServiceReport {
  readonly name: string;
  readonly protocol: string;
  readonly ports: readonly number[];
  readonly onFailure: string;
  /** Seconds until the kernel's switch trips; null: tripped. */
  readonly switchLeft: number | null;
  /** Chains and jump, by family: whether they are in force as they should be. */
  readonly rules: readonly { readonly family: 4 | 6; readonly chains: boolean; readonly jump: boolean }[];
  readonly entries: { readonly banned: number; readonly trusted: number; readonly filter: number };
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
