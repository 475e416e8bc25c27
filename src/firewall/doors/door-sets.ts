import type { Family } from '../../base/address.js';
import type { Table } from '../../iptables-parser/document.js';
import type { SetStore } from '../sets/set-store.js';
import { isSameKind, replaceable, setFaults } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { strayDoors, strayDoorSets, type KernelDoors } from './kernel-doors.js';
import { doorsInstance } from '../model/door-names.js';

/** The doors of the kernel as the firewall keeps them: their sets, their counters, and what earlier ones have left. */
export class KernelDoorSets {
  readonly #store: SetStore;
  readonly #instances: Set<string>;
  /** The packets that the last rule of each chain had seen at the last look, by family. */
  readonly #counts = new Map<Family, ReadonlyMap<string, number>>();

  /** `instances`: whose doors may be in the kernel. */
  constructor(store: SetStore, instances: readonly string[]) {
    this.#store = store;
    this.#instances = new Set(instances);
  }

  get instances(): readonly string[] {
    return [...this.#instances];
  }

  /** Doors of these services may be there too. */
  record(services: readonly string[]): void {
    for (const service of services) this.#instances.add(doorsInstance(service));
  }

  /** Makes sets that are missing, or of another kind, and sees to the sentinels. Gives what was wrong. */
  async ensure({ sets }: KernelDoors): Promise<string[]> {
    const existing = sets.length === 0 ? new Map<string, never>() : await this.#store.headers();
    const lines = sets.flatMap((spec) => {
      const header = existing.get(spec.name);
      if (header !== undefined && isSameKind(spec, header)) return [];
      const first = header === undefined ? [] : [replaceable(spec, header)];
      return [...first, `create ${spec.name} ${spec.create}`];
    });
    if (lines.length > 0) await this.#store.batch(lines);
    await this.#store.sentinels.look();
    return setFaults(sets, existing);
  }

  /** Takes out sets that are not wanted, but for those that a rule still names: these are told. */
  async drop(wanted?: KernelDoors): Promise<string[]> {
    const existing = await this.#store.headers();
    const names = new Set(wanted?.sets.map(({ name }) => name));
    const stray = strayDoorSets(existing, this.instances, names);
    const free = stray.filter((name) => existing.get(name)?.references === 0);
    if (free.length > 0) await this.#store.batch(free.map((name) => `destroy ${name}`));
    const kept = stray.filter((name) => !free.includes(name));
    return kept.map((name) => `set ${name} stays: a rule names it`);
  }

  /** What a table holds of doors that are not wanted: chains, and of instances that are not the current one, jumps. */
  stray(table: Table | undefined, { service, chains }: DesiredService): Stray {
    const stray = strayDoors(table, this.instances, new Set(chains.keys()));
    return {
      jumps: stray
        .filter((one) => one.service !== service)
        .map((one) => ({ service: one.service, chains: new Map(), jumps: [] })),
      chains: stray.flatMap((one) => [...one.chains.keys()]),
    };
  }

  /** A family's table was read. */
  counted(family: Family, counts: ReadonlyMap<string, number>): void {
    this.#counts.set(family, counts);
  }

  /**
   * Knocks that the kernel carried out, by the name of the door (two may share one), as the last look found them; rules
   * count from when they were made.
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

/** Doors of the kernel that are to go. */
interface Stray {
  /** Services that have no jumps any more. */
  readonly jumps: readonly DesiredService[];
  readonly chains: readonly string[];
}
