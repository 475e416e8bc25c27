import type { Family } from '../../base/address.js';
import { KernelDoors } from '../doors/kernel-doors.js';
import { trialLabel, trialSet } from '../model/names.js';
import type { Service } from '../model/service.js';
import type { SetStore } from '../sets/set-store.js';
import { trialSets, type SetSpec } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { trialRules } from './trial-rules.js';

/** The desired rules of a configuration, whether or not they are in force. */
export interface Version {
  readonly services: readonly Service[];
  readonly desired: ReadonlyMap<Family, readonly DesiredService[]>;
  /**
   * The doors that the kernel recognises. A trial never changes them: a new version's doors take effect with `confirm`.
   */
  readonly doors: KernelDoors;
}

/** The version of a host without knockctl. */
export const NO_RULES: Version = { services: [], desired: new Map(), doors: new KernelDoors('knock') };

/**
 * New rules that the kernel itself revokes: a port meets them for as long as it is in a set with a timeout. One set
 * serves all services, ports and families, so that two services never disagree about a port that moved from one to the
 * other.
 */
export class Trial {
  /** The rules of both versions. */
  readonly desired: ReadonlyMap<Family, readonly DesiredService[]>;
  /** The services of both versions, each with the ports of both. */
  readonly services: readonly Service[];
  readonly #before: Version;
  readonly #after: Version;
  readonly #sets: SetStore;
  readonly #set: string;
  readonly #ports: readonly number[];

  /** At least one of the versions must have a service. */
  constructor(before: Version, after: Version, sets: SetStore) {
    this.#before = before;
    this.#after = after;
    this.#sets = sets;
    this.services = bothServices(before.services, after.services);
    this.#set = trialSet(leader(before.services, after.services));
    this.#ports = [...new Set(this.services.flatMap((service) => service.ports))];
    this.desired = new Map(
      [...after.desired].map(([family, rules]) => [
        family,
        trialRules(before.desired.get(family) ?? [], rules, this.#set),
      ]),
    );
  }

  /** The doors that the kernel recognises during the trial. */
  get doors(): KernelDoors {
    return this.#before.doors;
  }

  /** The chains that only the trial has. */
  get chains(): readonly string[] {
    const old = new Set(
      [...this.#before.desired.values()].flat().flatMap(({ chains }) => [...chains.keys()]),
    );
    const all = [...this.desired.values()].flat().flatMap(({ chains }) => [...chains.keys()]);
    return [...new Set(all)].filter((chain) => !old.has(chain));
  }

  /** The additional sets of a service: its trusted set of the new version; for one service, also the timer. */
  setsOf(service: string): readonly SetSpec[] {
    return trialSets(service).filter(
      ({ name }) => name === this.#set || (name !== trialSet(service) && this.#isNew(service)),
    );
  }

  /** Flushes the sets that an earlier trial may have left. No port then meets the new rules. */
  async reset(): Promise<void> {
    await this.#sets.flush(this.services.flatMap(({ name }) => this.setsOf(name).map((spec) => spec.name)));
  }

  /**
   * Copies the trusted entries that do not come from the file to the new version: they are not part of a configuration.
   */
  async copyTrusted(isFromFile: (origin: string) => boolean): Promise<void> {
    const old = this.#before.services.map((service) => service.name);
    for (const { name } of this.#after.services.filter((service) => old.includes(service.name))) {
      const entries = await this.#sets.entries(name, 'trusted');
      await this.#sets.add(
        trialLabel(name),
        'trusted',
        entries.filter((entry) => !isFromFile(entry.origin)),
      );
    }
  }

  /** Puts the new rules in force for `seconds`; the kernel then falls back by itself. */
  async begin(seconds: number): Promise<void> {
    await this.#sets.ports.addPorts(this.#set, this.#ports, seconds);
  }

  /** Makes the new rules permanent. */
  async makePermanent(): Promise<void> {
    await this.#sets.ports.addPorts(this.#set, this.#ports, 0);
  }

  /** Returns the seconds until the kernel falls back, for the port that is first; undefined if it already has. */
  async secondsLeft(): Promise<number | undefined> {
    return this.#sets.ports.secondsLeft(this.#set, this.#ports);
  }

  #isNew(service: string): boolean {
    return this.#after.services.some(({ name }) => name === service);
  }
}

/** Returns the service whose set is the timer: preferably one that exists in both versions. */
function leader(before: readonly Service[], after: readonly Service[]): string {
  const stays = before.find((old) => after.some(({ name }) => name === old.name));
  return (stays ?? before[0] ?? after[0])?.name ?? '';
}

function bothServices(before: readonly Service[], after: readonly Service[]): Service[] {
  const gone = before.filter((old) => !after.some((service) => service.name === old.name));
  const both = after.map((service) => {
    const old = before.find(({ name }) => name === service.name);
    return { ...service, ports: [...new Set([...service.ports, ...(old?.ports ?? [])])] };
  });
  return [...both, ...gone];
}
