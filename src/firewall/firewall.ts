import type { Family } from '../base/address.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { KernelDoorSets } from './doors/door-sets.js';
import { knownChains } from './rules/known-chains.js';
import { Orphans } from './ownership/orphans.js';
import { prune } from './ownership/prune.js';
import type { Exposure } from './exposure/assess.js';
import { madeTablesOf, type Place } from './ownership/inventory.js';
import type { WatchedChains } from './rules/nft-changes.js';
import { expandGate } from './rules/gate.js';
import type { RuleStatus } from './rules/rule-status.js';
import type { MissingParentChain } from './rules/plan.js';
import { readableNotes } from './model/readable.js';
import { RuleReconciler } from './rule-reconciler.js';
import type { Service } from './model/service.js';
import type { RuleSettings } from './model/rule-settings.js';
import type { SetStore } from './sets/set-store.js';
import { Stuck } from './rules/stuck.js';
import { serviceSets, setFaults } from './sets/set-specs.js';
import { inTable, tableOf, type TableName } from './model/table-name.js';
import type { Tables } from './rules/tables.js';
import { expandTemplate, type DesiredService, type Template } from './rules/template.js';
import { Trial, type Version } from './trial/trial.js';
import { trialChains } from './model/names.js';

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
  readonly #doorSets: KernelDoorSets;
  readonly #orphans: Orphans;
  readonly #rules: RuleReconciler;

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
        services.flatMap((service) => [
          expandTemplate(template, service, family, settings.log, settings.readable?.get(family)),
          ...(service.gate === 'strict'
            ? [expandGate(template, service, family, settings.log, settings.readable?.get(family))]
            : []),
        ]),
      ]),
    );
    this.version = { services, desired, doors };
    this.#trial = before === undefined ? undefined : new Trial(before, this.version, sets);
    this.#doorSets = new KernelDoorSets(sets, [doors.instance, this.doors.instance]);
    this.#orphans = new Orphans(sets, this.#doorSets, this.names.length === 0);
    this.#rules = new RuleReconciler({
      ...{ tables, settings, doorSets: this.#doorSets, orphans: this.#orphans },
      wanted: () => ({
        services: (family) => this.#desired(family),
        names: this.names,
        doors: this.doors,
        drop: this.#drop(),
      }),
      services: () => this.#kept,
    });
    this.sets.sentinels.guard(this.doors.touched);
  }

  /** The doors that the kernel is to recognise. */
  get doors(): KernelDoors {
    return this.#trial?.doors ?? this.version.doors;
  }

  /** Knocks that the kernel carried out, by the name of the door, as the last look found them; its rules count from when they were made. */
  get knocks(): ReadonlyMap<string, number> {
    return this.#doorSets.knocks(this.doors);
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
    this.recordOrphans(this.#trial?.chains ?? [], this.names);
    this.#trial = undefined;
    this.sets.sentinels.guard(this.doors.touched);
  }

  /** What others than this configuration have left: chains of a trial, and services. Repair takes it out. */
  recordOrphans(chains: readonly string[], services: readonly string[]): void {
    this.#orphans.record(chains, services);
    this.#rules.invalidate();
  }

  /** Services of which something may be left. */
  get orphanServices(): readonly string[] {
    return this.#orphans.services(this.names);
  }

  /** Chains of others that jumps of ours belong into and that were not there at the last look. */
  get missingParentChains(): readonly MissingParentChain[] {
    return this.#rules.missingParentChains;
  }

  /** What this kernel lacks to read all packets, in words; nothing if it has all. */
  get readableNotes(): readonly string[] {
    return readableNotes(this.#settings.readable ?? new Map());
  }

  /** What decides about our services before our jumps do, by the rules as they were last read. */
  get exposures(): readonly Exposure[] {
    return this.#rules.exposures;
  }

  /** Looks at what decides in other tables than filter, and in the other back end: `exposures` has it then. */
  async checkOtherTables(): Promise<void> {
    if (this.services.length > 0) await this.#rules.checkOtherTables();
  }

  /** A look at other tables takes too long: until it has ended, what they do is unknown. */
  otherTablesLate(): void {
    this.#rules.otherTablesLate();
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
    const services = families.flatMap((family) => [...this.#desired(family), this.doors.rules(family)]);
    return {
      own: new Set(services.flatMap(({ chains }) => [...chains.keys()])),
      hooks: new Set(services.flatMap(({ jumps }) => jumps.map(({ chain }) => chain))),
      tables: new Set(['filter', ...services.map(tableOf)]),
    };
  }

  /** The families in which rules of ours are to stand in the table mangle. */
  get gatedFamilies(): readonly Family[] {
    return this.families.filter((family) => inTable(this.#desired(family), 'mangle').length > 0);
  }

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.tables.isOwn(pid);
  }

  /** Sets and chains, but no new jump: new chains meet no packet yet. What was there before stays in force. */
  async prepare(): Promise<void> {
    for (const { name } of this.#kept) await this.sets.ensure(name, this.#trial?.setsOf(name));
    await this.#doorSets.ensure(this.doors);
    await this.#rules.apply(false);
  }

  /** Whether a repair would find nothing to do, as long as no rule has changed since the last one. */
  async isSettled(): Promise<boolean> {
    if (!this.#orphans.tidy) return false;
    const specs = [...this.names.flatMap(serviceSets), ...this.doors.sets];
    return setFaults(specs, await this.sets.glance()).length === 0;
  }

  /**
   * Everything in force: sets, chains and the jump. `beforeJump` runs when the sets are there and no
   * rule has been touched yet. Gives what was changed, in words: empty where all was right.
   */
  async repair(beforeJump?: () => Promise<void>): Promise<string[]> {
    const faults: string[] = [];
    for (const { name } of this.#kept) {
      const more = this.#trial?.setsOf(name);
      const wrong = await this.sets.faults([...serviceSets(name), ...(more ?? [])]);
      if (wrong.length > 0) await this.sets.ensure(name, more);
      faults.push(...wrong);
    }
    faults.push(...(await this.#doorSets.ensure(this.doors)));
    await beforeJump?.();
    const changes = await this.#rules.apply(true);
    await this.sets.sentinels.drop(this.names);
    if (this.#trial === undefined && !this.#orphans.tidy) await this.pruneSets();
    return [...faults, ...changes];
  }

  /** Takes out sets that no rule of ours names any more. Gives what had to be left, and why. */
  async pruneSets(): Promise<string[]> {
    return this.#orphans.prune(this.names, this.doors);
  }

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isActive(): Promise<boolean> {
    return this.#rules.isActive();
  }

  /** What of our rules is in force, for each service and family. */
  async ruleStatus(): Promise<RuleStatus[]> {
    return this.#rules.ruleStatus();
  }

  /** The same where nobody can wait for it: as it was at the last look, and why there is no newer one. */
  notRead(why: string): RuleStatus[] {
    return this.#rules.notRead(why);
  }

  /** Families whose rules iptables does not tell, and why; as of the last look. */
  get unread(): ReadonlyMap<Family, string> {
    return this.tables.unread;
  }

  /**
   * Takes jumps, chains and sets out: those of our services, and what was noted to be left. `madeTables` and
   * `madeMangle`: families whose tables filter and mangle go too, where nothing is left in them. Gives what had to be left, and why.
   * Throws KnockError where rules of a family could not be taken out, once all else is out.
   */
  async remove(madeTables: readonly Family[] = [], madeMangle: readonly Family[] = []): Promise<string[]> {
    return this.#rules.serial(async () => {
      const left: string[] = [];
      const { orphanServices: strays } = this;
      const { instances } = this.#doorSets;
      // What stands in the way in one family must not keep the rest in force.
      const stuck = new Stuck();
      // At the same time: each may wait 5 s for the xtables lock.
      const takesOut = async (family: Family): Promise<void> => {
        const made = madeTablesOf(family, { madeTables, madeMangle });
        const rules = [...this.#desired(family), knownChains('', this.#drop())];
        const what = { rules, services: strays, instances, made };
        await stuck.tried(family, async () => left.push(...(await prune(this.tables, family, what))));
      };
      await Promise.all(this.#settings.families.map(takesOut));
      const all = [...this.names, ...strays];
      if (all.length > 0) await this.#doorSets.drop();
      for (const name of all) left.push(...(await this.sets.destroy(name)));
      stuck.tell(left);
      return left;
    });
  }

  /**
   * Takes rules out of a table that this configuration has none in: those of these services, and chains of a trial.
   * `made`: tables that go too, where nothing is left in them.
   */
  async removeFrom(
    { backend, family }: Place,
    services: readonly string[],
    trial: readonly string[],
    made: readonly TableName[],
  ): Promise<void> {
    await this.#rules.serial(async () => {
      const what = { rules: [knownChains('', trial)], services, instances: this.#doorSets.instances, made };
      await prune(this.tables.in(backend), family, what);
    });
  }

  /** Names of services whose second gates are in force in all families, whatever the table filter holds; on trial, none is sure to be. */
  async gated(): Promise<ReadonlySet<string>> {
    const strict = this.services.filter(({ gate }) => gate === 'strict');
    if (this.#trial !== undefined || strict.length === 0) return new Set();
    const shut = await this.#rules.gatesInForce();
    return new Set(strict.map(({ name }) => name).filter((name) => shut.has(name)));
  }

  /** Feeds the switch of every service, or of those that are named. */
  async feed(timeoutS: number, only?: ReadonlySet<string>): Promise<void> {
    for (const service of this.#kept) {
      if (only?.has(service.name) !== false) await this.sets.ports.feed(service, timeoutS);
    }
  }

  /** Trips the switch of every service but those that are named. */
  async trip(but: ReadonlySet<string> = new Set()): Promise<void> {
    for (const { name } of this.#kept) if (!but.has(name)) await this.sets.ports.trip(name);
  }

  /** What should be in force of the services in a family. */
  #desired(family: Family): readonly DesiredService[] {
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
    return [...new Set([...names, ...this.#orphans.chains])];
  }
}
