import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import type { SetStore } from '../sets/set-store.js';
import { isSameKind, destroyLine, setFaults } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { strayDoors, strayDoorSets, type KernelDoors } from './kernel-doors.js';
import { doorsInstance } from '../model/door-names.js';

/** Manages the kernel doors' sets, counters and orphans. */
export class KernelDoorSets {
  readonly #store: SetStore;
  readonly #instances: Set<string>;
  /** Packets counted by the last rule of each chain when last read, by family. */
  readonly #counts = new Map<Family, ReadonlyMap<string, number>>();

  /** `instances`: instances whose doors may be in the kernel. */
  constructor(store: SetStore, instances: readonly string[]) {
    this.#store = store;
    this.#instances = new Set(instances);
  }

  get instances(): readonly string[] {
    return [...this.#instances];
  }

  /** Records that doors of these services may be in the kernel too. */
  record(services: readonly string[]): void {
    for (const service of services) this.#instances.add(doorsInstance(service));
  }

  /** Makes sets that are missing or of another kind, and restores missing sentinels. Returns what was wrong. */
  async ensure({ sets }: KernelDoors): Promise<string[]> {
    const existing = sets.length === 0 ? new Map<string, never>() : await this.#store.headers();
    const lines = sets.flatMap((spec) => {
      const header = existing.get(spec.name);
      if (header !== undefined && isSameKind(spec, header)) return [];
      const first = header === undefined ? [] : [destroyLine(spec, header)];
      return [...first, `create ${spec.name} ${spec.create}`];
    });
    if (lines.length > 0) await this.#store.batch(lines);
    await this.#store.sentinels.ensure();
    return setFaults(sets, existing);
  }

  /** Destroys sets that are not wanted. Returns those that had to stay because a rule references them. */
  async prune(wanted?: KernelDoors): Promise<string[]> {
    const existing = await this.#store.headers();
    const names = new Set(wanted?.sets.map(({ name }) => name));
    const stray = strayDoorSets(existing, this.instances, names);
    const free = stray.filter((name) => existing.get(name)?.references === 0);
    if (free.length > 0) await this.#store.batch(free.map((name) => `destroy ${name}`));
    const kept = stray.filter((name) => !free.includes(name));
    return kept.map((name) => `set ${name} was not destroyed: a rule still references it`);
  }

  /** Returns doors in a table that are not wanted: chains and, of other instances than the current one, jumps. */
  stray(table: Table | undefined, { service, chains }: DesiredService): StrayDoors {
    const stray = strayDoors(table, this.instances, new Set(chains.keys()));
    return {
      jumps: stray
        .filter((one) => one.service !== service)
        .map((one) => ({ service: one.service, chains: new Map(), jumps: [] })),
      chains: stray.flatMap((one) => [...one.chains.keys()]),
    };
  }

  /** Stores the counters of a family's table. */
  storeCounts(family: Family, counts: ReadonlyMap<string, number>): void {
    this.#counts.set(family, counts);
  }

  /**
   * Returns the knocks that the kernel accepted, by door name (two doors may share one), as last read; counters start
   * when a rule is made.
   */
  knocks(doors: KernelDoors): ReadonlyMap<string, number> {
    const knocks = new Map<string, number>();
    for (const [family, counts] of this.#counts) {
      for (const [chain, { name }] of doors.openings(family)) {
        knocks.set(name, (knocks.get(name) ?? 0) + (counts.get(chain) ?? 0));
      }
    }
    return knocks;
  }
}

/** Kernel doors to remove. */
interface StrayDoors {
  /** Services whose jumps are removed. */
  readonly jumps: readonly DesiredService[];
  readonly chains: readonly string[];
}
