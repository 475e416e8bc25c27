import { FAMILIES, type Family } from '../../base/address.js';
import { chains as chainsOf } from '../../iptables-parser/query.js';
import type { Table } from '../../iptables-parser/document.js';

import type { Door } from '../../knock/door.js';
import type { SetHeader, SetSpec } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { knownChains } from '../rules/known-chains.js';
import type { CompiledDoors } from './compile.js';
import { doorsInstance, doorsLabel, isDoorName } from '../model/door-names.js';

/** The desired kernel doors of one configuration, in both families. */
export class KernelDoors {
  /** The prefix of its chain and set names. */
  readonly instance: string;
  readonly #compiled: ReadonlyMap<Family, CompiledDoors>;

  constructor(instance: string, compiled: ReadonlyMap<Family, CompiledDoors> = new Map()) {
    this.instance = instance;
    this.#compiled = compiled;
  }

  /** All sets that its rules reference, except those of services. */
  get sets(): readonly SetSpec[] {
    return FAMILIES.flatMap((family) => this.#compiled.get(family)?.sets ?? []);
  }

  /** The sets of services that its rules change: each must hold its sentinel. */
  get touched(): ReadonlySet<string> {
    return new Set(FAMILIES.flatMap((family) => this.#compiled.get(family)?.touched ?? []));
  }

  /** The chains and jumps of a family; empty if no door opens in it, so that those of a previous run are removed. */
  rules(family: Family): DesiredService {
    return this.#compiled.get(family)?.rules ?? knownChains(doorsLabel(this.instance), []);
  }

  /** The doors by chain; the packets counted by a chain's last rule are accepted knocks. */
  openings(family: Family): ReadonlyMap<string, Door> {
    const doors = this.#compiled.get(family)?.doors ?? [];
    return new Map(doors.map(({ chain, door }) => [chain, door]));
  }
}

/** Returns the kernel doors of these instances that a table holds and `wanted` does not name. */
export function strayDoors(
  table: Table | undefined,
  instances: readonly string[],
  wanted: ReadonlySet<string>,
): DesiredService[] {
  const present = table === undefined ? [] : chainsOf(table).map(({ name }) => name);
  return instances.map((instance) => {
    const stray = present.filter((name) => isDoorName(name, instance) && !wanted.has(name));
    return knownChains(doorsLabel(instance), stray);
  });
}

/** Returns the existing sets of these instances, except `wanted`. */
export function strayDoorSets(
  existing: ReadonlyMap<string, SetHeader>,
  instances: readonly string[],
  wanted: ReadonlySet<string>,
): string[] {
  return [...existing.keys()].filter(
    (name) => !wanted.has(name) && instances.some((instance) => isDoorName(name, instance)),
  );
}

/** Returns all doors that a table holds, of these instances and of these services. */
export function allDoors(
  table: Table | undefined,
  instances: Iterable<string>,
  services: readonly string[],
): DesiredService[] {
  const all = new Set([...instances, ...services.map(doorsInstance)]);
  return strayDoors(table, [...all], new Set());
}
