import type { Family } from '../base/address.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset } from '../iptables-parser/types.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { DoorKeeping } from './doors/door-keeping.js';
import { doorsLabel } from './doors/names.js';
import { isOurs, leftovers } from './leftovers.js';
import { Remains } from './remains.js';
import { takeOut } from './take-out.js';
import type { Place } from './footprint.js';
import type { WatchedChains } from './nft-changes.js';
import { judgeJumps, type InForce } from './in-force.js';
import { planApply, taggedRules, type Transaction } from './plan.js';
import { PrintedRules } from './printed.js';
import type { RuleSettings, Service } from './service.js';
import type { SetStore } from './set-store.js';
import type { Tables } from './tables.js';
import { expandTemplate, type DesiredService, type Template } from './template.js';
import { Trial, type Version } from './trial.js';
import { trialChains } from './trial-rules.js';

/**
 * The firewall of all services: builds it, opens and shuts the way into it, verifies and repairs
 * it, and takes it out. Changes of rules happen one after the other; sets have their own channel,
 * so that feeding never waits for somebody else's xtables lock.
 */
export class Firewall {
  readonly sets: SetStore;
  readonly services: readonly Service[];
  /** Where the rules are. */
  readonly tables: Tables;
  readonly #settings: RuleSettings;
  /** The rules of the configuration. */
  readonly version: Version;
  /** The text that they were made from. */
  readonly template: Template;
  /** Set while the rules are on trial: what the kernel goes back to. */
  #trial: Trial | undefined;
  readonly #printed = new PrintedRules();
  readonly #keeping: DoorKeeping;
  readonly #remains: Remains;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * Throws ConfigError where the template does not fit a service. With `before`, the rules are on trial:
   * beside them stand those of that version, which the kernel goes back to.
   */
  constructor(
    tables: Tables,
    sets: SetStore,
    services: readonly Service[],
    settings: RuleSettings,
    template: Template,
    { before, doors }: { readonly before?: Version | undefined; readonly doors: KernelDoors },
  ) {
    this.tables = tables;
    this.sets = sets;
    this.services = services;
    this.#settings = settings;
    this.template = template;
    const desired = new Map(
      settings.families.map((family) => [
        family,
        services.map((service) => expandTemplate(template, service, family, settings.log)),
      ]),
    );
    this.version = { services, desired, doors };
    this.#trial = before === undefined ? undefined : new Trial(before, this.version, sets);
    this.#keeping = new DoorKeeping(sets, [doors.instance, this.doors.instance]);
    this.#remains = new Remains(sets, this.#keeping, this.names.length === 0);
    this.sets.sentinels.guard(this.doors.touched);
  }

  /** The doors that the kernel is to recognise. */
  get doors(): KernelDoors {
    return this.#trial?.doors ?? this.version.doors;
  }

  /** Knocks that the kernel carried out, by the name of the door, as the last look found them; its rules count from when they were made. */
  get knocks(): ReadonlyMap<string, number> {
    return this.#keeping.knocks(this.doors);
  }

  /** The timer of the trial that the rules are on. */
  get trial(): Trial | undefined {
    return this.#trial;
  }

  /** The names of all services that rules are kept for: on trial, those of both versions. */
  get names(): readonly string[] {
    return this.#kept.map((service) => service.name);
  }

  /** From now on the rules are to be in force for good. The kernel has to be told by repair. */
  endTrial(): void {
    this.noteLeft(this.#trial?.chains ?? [], this.names);
    this.#trial = undefined;
    this.sets.sentinels.guard(this.doors.touched);
  }

  /** What others than this configuration have left: chains of a trial, and services. Repair takes it out. */
  noteLeft(chains: readonly string[], services: readonly string[]): void {
    this.#remains.note(chains, services);
  }

  /** Services of which something may be left. */
  get strays(): readonly string[] {
    return this.#remains.services(this.names);
  }

  get backend(): Tables['backend'] {
    return this.tables.backend;
  }

  get families(): readonly Family[] {
    return this.#settings.families;
  }

  /** The tables that the rules are in; none without services. */
  get places(): readonly Place[] {
    const { name } = this.tables.backend;
    return this.#settings.families.map((family) => ({ backend: name, family }));
  }

  /** The chains to be watched for changes by others. */
  get watched(): WatchedChains {
    const { families } = this.#settings;
    const services = families.flatMap((family) => [...this.#rules(family), this.doors.rules(family)]);
    return {
      own: new Set(services.flatMap(({ chains }) => [...chains.keys()])),
      hooks: new Set(services.flatMap(({ jumps }) => jumps.map(({ chain }) => chain))),
    };
  }

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.tables.isOwn(pid);
  }

  /** Sets and chains, but no new jump: new chains meet no packet yet. What was there before stays in force. */
  async prepare(): Promise<void> {
    for (const { name } of this.#kept) await this.sets.ensure(name, this.#trial?.setsOf(name));
    await this.#keeping.ensure(this.doors);
    await this.#apply(false);
  }

  /**
   * Everything in force: sets, chains and the jump. `beforeJump` runs when the sets are there and no
   * rule has been touched yet. Gives what was changed, in words: empty where all was right.
   */
  async repair(beforeJump?: () => Promise<void>): Promise<string[]> {
    const faults: string[] = [];
    for (const { name } of this.#kept) {
      const more = this.#trial?.setsOf(name);
      const wrong = await this.sets.faults(name, more);
      if (wrong.length > 0) await this.sets.ensure(name, more);
      faults.push(...wrong);
    }
    faults.push(...(await this.#keeping.ensure(this.doors)));
    await beforeJump?.();
    const changes = await this.#apply(true);
    await this.sets.sentinels.drop(this.names);
    if (this.#trial === undefined && !this.#remains.tidy) await this.clean();
    return [...faults, ...changes];
  }

  /** Takes out sets that no rule of ours names any more. Gives what had to be left, and why. */
  async clean(): Promise<string[]> {
    return this.#remains.clean(this.names, this.doors);
  }

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isMet(): Promise<boolean> {
    return this.#serial(async () => {
      const names = [...this.names, ...this.strays, ...this.#keeping.instances.map(doorsLabel)];
      let isMet = false;
      for (const family of this.#settings.families) {
        const table = findTable(await this.#read(family), 'filter');
        if (table !== undefined) isMet ||= names.some((name) => taggedRules(table, name).length > 0);
      }
      return isMet;
    });
  }

  /** What of our rules is in force, for each service and family. */
  async inForce(): Promise<InForce[]> {
    return this.#serial(async () => {
      const result: InForce[] = [];
      for (const family of this.#settings.families) {
        const actual = await this.#read(family);
        const doors = this.doors.rules(family);
        const all = doors.chains.size === 0 ? this.#rules(family) : [...this.#rules(family), doors];
        for (const service of all) {
          const chains = this.#plan(family, [service], actual, false).text === '';
          const table = findTable(actual, 'filter');
          result.push({ ...judgeJumps(service, table, this.#printed.same(family)), family, chains });
        }
      }
      return result;
    });
  }

  /**
   * Takes jumps, chains and sets out: those of our services, and what was noted to be left. `madeTables`: filter
   * tables that go too, where nothing is left in them. Gives what had to be left, and why.
   */
  async remove(madeTables: readonly Family[] = []): Promise<string[]> {
    return this.#serial(async () => {
      const left: string[] = [];
      const { strays } = this;
      const { instances } = this.#keeping;
      for (const family of this.#settings.families) {
        const made = madeTables.includes(family);
        const rules = [...this.#rules(family), leftovers('', this.#drop())];
        left.push(...(await takeOut(this.tables, family, { rules, services: strays, instances, made })));
      }
      const all = [...this.names, ...strays];
      if (all.length > 0) await this.#keeping.drop();
      for (const name of all) left.push(...(await this.sets.destroy(name)));
      return left;
    });
  }

  /**
   * Takes rules out of a table that this configuration has none in: those of these services, and chains of a trial.
   * `made`: the table goes too, where nothing is left in it.
   */
  async leave(
    { backend, family }: Place,
    services: readonly string[],
    trial: readonly string[],
    made: boolean,
  ): Promise<void> {
    await this.#serial(async () => {
      const what = { rules: [leftovers('', trial)], services, instances: this.#keeping.instances, made };
      await takeOut(this.tables.in(backend), family, what);
    });
  }

  /** Feeds the switch of every service. */
  async feed(timeoutS: number): Promise<void> {
    for (const service of this.#kept) await this.sets.feed(service, timeoutS);
  }

  /** Trips the switch of every service. */
  async trip(): Promise<void> {
    for (const { name } of this.#kept) await this.sets.trip(name);
  }

  async #apply(jump: boolean): Promise<string[]> {
    return this.#serial(async () => {
      const changes: string[] = [];
      for (const family of this.#settings.families) {
        const actual = await this.#read(family);
        const desired = this.#desired(family, actual, jump);
        const plan = this.#plan(family, desired, actual, jump);
        if (plan.text === '') continue;
        await this.tables.apply(family, plan.text);
        changes.push(...plan.changes.map((change) => `${change} (IPv${family})`));
        this.#printed.learn(family, desired, findTable(await this.#read(family), 'filter'), jump);
      }
      return changes;
    });
  }

  async #read(family: Family): Promise<Ruleset> {
    const counts = new Map<string, number>();
    const actual = await this.tables.read(
      family,
      isOurs([...this.names, ...this.strays], this.#keeping.instances),
      counts,
    );
    this.#keeping.counted(family, counts);
    return actual;
  }

  /** Doors that packets meet change with their jump alone: a reload that is refused later must not have opened any. */
  #desired(family: Family, actual: Ruleset, jump: boolean): readonly DesiredService[] {
    const table = findTable(actual, 'filter');
    const doors = this.doors.rules(family);
    const areMet = table !== undefined && taggedRules(table, doors.service).length > 0;
    return areMet && !jump ? this.#rules(family) : [...this.#rules(family), doors];
  }

  #plan(family: Family, desired: readonly DesiredService[], actual: Ruleset, jump: boolean): Transaction {
    const { hook } = this.#settings;
    const stray = this.#keeping.stray(findTable(actual, 'filter'), this.doors.rules(family));
    const going = this.#remains.going(this.names);
    const drop = [...this.#drop(), ...stray.chains, ...going.chains];
    return planApply([...desired, ...going.jumps, ...stray.jumps], actual, {
      jump,
      hook,
      same: this.#printed.same(family),
      drop: [...new Set(drop)],
    });
  }

  /** What should be in force of the services in a family. */
  #rules(family: Family): readonly DesiredService[] {
    return (this.#trial?.desired ?? this.version.desired).get(family) ?? [];
  }

  /** The services that rules and sets are kept for; on trial, with the ports of both versions. */
  get #kept(): readonly Service[] {
    return this.#trial?.services ?? this.services;
  }

  /** Chains of a trial that must not be there any more. */
  #drop(): readonly string[] {
    if (this.#trial !== undefined) return [];
    const own = [...this.version.desired.values()].flat();
    const names = own.flatMap(({ service, chains }) => [
      ...trialChains(service, [...chains.keys()]).values(),
    ]);
    return [...new Set([...names, ...this.#remains.chains])];
  }

  async #serial<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined); // a failed job is its caller's, not the next one's
    return result;
  }
}
