import type { KernelDoorSets } from '../doors/door-sets.js';
import type { KernelDoors } from '../doors/kernel-doors.js';
import { knownChains, standardService } from '../rules/known-chains.js';
import type { SetStore } from '../sets/set-store.js';
import type { DesiredService } from '../rules/template.js';

/** What other configurations than the one in force have left in the kernel, as far as it is known: chains, services, doors. */
export class Orphans {
  readonly #sets: SetStore;
  readonly #doors: KernelDoorSets;
  /** Chains that only a trial has. */
  readonly #chains = new Set<string>();
  readonly #services = new Set<string>();
  /** False while sets may be there that nobody needs. */
  #tidy: boolean;

  constructor(sets: SetStore, doors: KernelDoorSets, isPruned: boolean) {
    this.#sets = sets;
    this.#doors = doors;
    this.#tidy = isPruned;
  }

  get tidy(): boolean {
    return this.#tidy;
  }

  get chains(): readonly string[] {
    return [...this.#chains];
  }

  record(chains: readonly string[], services: readonly string[]): void {
    this.#doors.record(services);
    for (const chain of chains) this.#chains.add(chain);
    for (const service of services) this.#services.add(service);
    if (chains.length + services.length > 0) this.#tidy = false;
  }

  /** Services of which something may be left; `kept`: those that are in force. */
  services(kept: readonly string[]): readonly string[] {
    return [...this.#services].filter((name) => !kept.includes(name));
  }

  /** What has to go with the next transaction: the jumps of services, and then their chains. */
  toPrune(kept: readonly string[]): {
    readonly jumps: readonly DesiredService[];
    readonly chains: readonly string[];
  } {
    const services = this.services(kept).map(standardService);
    return {
      jumps: services.map(({ service }) => knownChains(service, [])),
      chains: services.flatMap(({ chains }) => [...chains.keys()]),
    };
  }

  /** Takes out sets that no rule of ours names any more. Gives what had to be left, and why. */
  async prune(kept: readonly string[], doors: KernelDoors): Promise<string[]> {
    const services = this.services(kept);
    const left = await this.#sets.destroyTrial([...kept, ...services]);
    left.push(...(await this.#doors.drop(doors)));
    for (const name of services) {
      const stays = await this.#sets.destroy(name);
      if (stays.length === 0) this.#services.delete(name);
      left.push(...stays);
    }
    this.#tidy = left.length === 0;
    return left;
  }
}
