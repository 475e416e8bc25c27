import type { Family } from '../../base/address.js';
import { KernelDoors } from '../doors/kernel-doors.js';
import { trialLabel, trialSet } from '../model/names.js';
import type { Service } from '../model/service.js';
import type { SetStore } from '../sets/set-store.js';
import { trialSets, type SetSpec } from '../sets/set-specs.js';
import type { DesiredService } from '../rules/template.js';
import { trialRules } from './trial-rules.js';

/** The rules of a configuration, whatever the kernel has of them. */
export interface Version {
  readonly services: readonly Service[];
  readonly desired: ReadonlyMap<Family, readonly DesiredService[]>;
  /** The doors that the kernel recognises. They never change for a trial: of a new version they come with `confirm`. */
  readonly doors: KernelDoors;
}

/** The version of a host without knockctl. */
export const NO_RULES: Version = { services: [], desired: new Map(), doors: new KernelDoors('knock') };

/**
 * New rules that the kernel itself takes back: for as long as a port is in a set, with a time-out, it
 * meets them. One set for all services, ports and families, so that there is no moment in which two
 * of them disagree about a port that has gone from one service to another.
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

  /** The doors that the kernel recognises meanwhile. */
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

  /** The sets that a service needs besides its own: its trusted of the new version; one service's is the timer. */
  setsOf(service: string): readonly SetSpec[] {
    return trialSets(service).filter(
      ({ name }) => name === this.#set || (name !== trialSet(service) && this.#isNew(service)),
    );
  }

  /** Empties what an earlier trial may have left. No port meets the new rules then. */
  async reset(): Promise<void> {
    await this.#sets.flush(this.services.flatMap(({ name }) => this.setsOf(name).map((spec) => spec.name)));
  }

  /** Gives the new version whom the old one trusts by other ways than the file: they are no part of a configuration. */
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

  /** From now on the new rules are in force, for `seconds`: the kernel goes back by itself. */
  async begin(seconds: number): Promise<void> {
    await this.#sets.ports.put(this.#set, this.#ports, seconds);
  }

  /** The new rules stay in force. */
  async keep(): Promise<void> {
    await this.#sets.ports.put(this.#set, this.#ports, 0);
  }

  /** Seconds until the kernel goes back, by the port that is nearest to it; undefined where it has gone back. */
  async left(): Promise<number | undefined> {
    return this.#sets.ports.left(this.#set, this.#ports);
  }

  #isNew(service: string): boolean {
    return this.#after.services.some(({ name }) => name === service);
  }
}

/** Whose set is the timer: if there is one, a service that stays whatever becomes of the trial. */
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
