import { FAMILIES, type Family } from '../../base/address.js';
import { chains as chainsOf } from '../../iptables-parser/query.js';
import type { Table } from '../../iptables-parser/document.js';

import type { Door } from '../../knock/door.js';
import type { SetHeader, SetSpec } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { knownChains } from '../rules/known-chains.js';
import type { CompiledDoors } from './compile.js';
import { doorsInstance, doorsLabel, isDoorName } from '../model/door-names.js';

/** What the kernel holds so that it recognises knocks by itself: the doors of one configuration, in both families. */
export class KernelDoors {
  /** By what its chains and sets are known. */
  readonly instance: string;
  readonly #compiled: ReadonlyMap<Family, CompiledDoors>;

  constructor(instance: string, compiled: ReadonlyMap<Family, CompiledDoors> = new Map()) {
    this.instance = instance;
    this.#compiled = compiled;
  }

  /** All sets that its rules name, but for those of services. */
  get sets(): readonly SetSpec[] {
    return FAMILIES.flatMap((family) => this.#compiled.get(family)?.sets ?? []);
  }

  /** The sets of services that its rules add to: each must hold its sentinel. */
  get touched(): ReadonlySet<string> {
    return new Set(FAMILIES.flatMap((family) => this.#compiled.get(family)?.touched ?? []));
  }

  /** Chains and jumps of a family; none where no door opens in it, so that what an earlier life left goes. */
  rules(family: Family): DesiredService {
    return this.#compiled.get(family)?.rules ?? knownChains(doorsLabel(this.instance), []);
  }

  /** The chains whose last rule's packets are knocks that were carried out, each with its door. */
  openings(family: Family): ReadonlyMap<string, Door> {
    const doors = this.#compiled.get(family)?.doors ?? [];
    return new Map(doors.map(({ chain, door }) => [chain, door]));
  }
}

/** Doors of the kernel that are not, or no longer, wanted: of these instances, all that a table holds but `wanted`. */
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

/** The sets of these instances among those of the kernel, but for `wanted`. */
export function strayDoorSets(
  existing: ReadonlyMap<string, SetHeader>,
  instances: readonly string[],
  wanted: ReadonlySet<string>,
): string[] {
  return [...existing.keys()].filter(
    (name) => !wanted.has(name) && instances.some((instance) => isDoorName(name, instance)),
  );
}

/** All doors that a table holds, of these instances and of those that such services have. */
export function allDoors(
  table: Table | undefined,
  instances: Iterable<string>,
  services: readonly string[],
): DesiredService[] {
  const all = new Set([...instances, ...services.map(doorsInstance)]);
  return strayDoors(table, [...all], new Set());
}
