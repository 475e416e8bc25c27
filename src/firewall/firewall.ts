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
import { RemovalErrors } from './rules/stuck.js';
import { serviceSets, setFaults } from './sets/set-specs.js';
import { inTable, tableOf, type TableName } from './model/table-name.js';
import type { Tables } from './rules/tables.js';
import { expandTemplate, type DesiredService, type Template } from './rules/template.js';
import { Trial, type Version } from './trial/trial.js';
import { trialChains } from './model/names.js';

/**
 * The firewall of all services: installs, feeds, trips, verifies, repairs and removes it. Rule changes run one after
 * the other; sets have their own channel, so that feeding never waits for an xtables lock held by another program.
 */
export class Firewall {
  readonly sets: SetStore;
  readonly services: readonly Service[];
  /** The tables that hold the rules. */
  readonly tables: Tables;
  readonly #settings: RuleSettings;
  /** The desired rules of the configuration. */
  readonly version: Version;
  /** The template that they were expanded from. */
  readonly template: Template;
  /** Set during a trial: holds the rules that the kernel falls back to. */
  #trial: Trial | undefined;
  readonly #doorSets: KernelDoorSets;
  readonly #orphans: Orphans;
  readonly #rules: RuleReconciler;

  /**
   * Throws ConfigError if the template does not fit a service. With `before`, the rules are on trial: the rules of that
   * version stay beside them, and the kernel falls back to those.
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
        drop: this.#chainsToDrop(),
      }),
      services: () => this.#installed,
    });
    this.sets.sentinels.setGuarded(this.doors.touched);
  }

  /** The doors that the kernel should recognise. */
  get doors(): KernelDoors {
    return this.#trial?.doors ?? this.version.doors;
  }

  /** Knocks that the kernel accepted, by door name, as last read. Rule counters start when a rule is made. */
  get knocks(): ReadonlyMap<string, number> {
    return this.#doorSets.knocks(this.doors);
  }

  /** The trial in progress. */
  get trial(): Trial | undefined {
    return this.#trial;
  }

  /** The names of all services that have rules; during a trial, those of both versions. */
  get names(): readonly string[] {
    return this.#installed.map((service) => service.name);
  }

  /** Ends the trial: the rules become permanent. The next repair changes the kernel accordingly. */
  endTrial(): void {
    this.recordOrphans(this.#trial?.chains ?? [], this.names);
    this.#trial = undefined;
    this.sets.sentinels.setGuarded(this.doors.touched);
  }

  /** Records what earlier configurations left: chains of a trial, and services. The next repair removes them. */
  recordOrphans(chains: readonly string[], services: readonly string[]): void {
    this.#orphans.record(chains, services);
    this.#rules.invalidate();
  }

  /** Services no longer configured that may have left something. */
  get orphanServices(): readonly string[] {
    return this.#orphans.services(this.names);
  }

  /** Parent chains of jumps that were missing at the last reconciliation. */
  get missingParentChains(): readonly MissingParentChain[] {
    return this.#rules.missingParentChains;
  }

  /** Which matches this kernel lacks, in words; empty if it has all. */
  get readableNotes(): readonly string[] {
    return readableNotes(this.#settings.readable ?? new Map());
  }

  /** Foreign rules that decide about the services before knockctl's jumps, as last read. */
  get exposures(): readonly Exposure[] {
    return this.#rules.exposures;
  }

  /** Reads the tables besides filter, and the other back end; `exposures` then covers them. */
  async checkOtherTables(): Promise<void> {
    if (this.services.length > 0) await this.#rules.checkOtherTables();
  }

  /** Reading the other tables takes too long: until it has ended, their effect is unknown. */
  otherTablesLate(): void {
    this.#rules.otherTablesLate();
  }

  get backend(): Tables['backend'] {
    return this.tables.backend;
  }

  get families(): readonly Family[] {
    return this.#settings.families;
  }

  /** The back end and family of each table that holds rules. */
  get places(): readonly Place[] {
    const { name } = this.tables.backend;
    return this.#settings.families.map((family) => ({ backend: name, family }));
  }

  /** The chains to watch for changes by other programs. */
  get watched(): WatchedChains {
    const { families } = this.#settings;
    const services = families.flatMap((family) => [...this.#desired(family), this.doors.rules(family)]);
    return {
      own: new Set(services.flatMap(({ chains }) => [...chains.keys()])),
      hooks: new Set(services.flatMap(({ jumps }) => jumps.map(({ chain }) => chain))),
      tables: new Set(['filter', ...services.map(tableOf)]),
    };
  }

  /** The families with desired rules in table mangle. */
  get gatedFamilies(): readonly Family[] {
    return this.families.filter((family) => inTable(this.#desired(family), 'mangle').length > 0);
  }

  /** True for a process that knockctl started: its changes are knockctl's own. */
  isOwnProcess(pid: number): boolean {
    return this.tables.isOwnProcess(pid);
  }

  /**
   * Makes the sets and chains, but no new jump: new chains meet no packets yet. What was in force before stays in
   * force.
   */
  async prepare(): Promise<void> {
    for (const { name } of this.#installed) await this.sets.ensure(name, this.#trial?.setsOf(name));
    await this.#doorSets.ensure(this.doors);
    await this.#rules.apply(false);
  }

  /** Whether a repair would have nothing to do, provided that no rule has changed since the last one. */
  async needsNoRepair(): Promise<boolean> {
    if (!this.#orphans.isClean) return false;
    const specs = [...this.names.flatMap(serviceSets), ...this.doors.sets];
    return setFaults(specs, await this.sets.listAndCheck()).length === 0;
  }

  /**
   * Puts everything in force: sets, chains and jumps. `beforeJump` runs once the sets exist and before any rule
   * changes. Returns the changes in words; empty if there were none.
   */
  async repair(beforeJump?: () => Promise<void>): Promise<string[]> {
    const faults: string[] = [];
    for (const { name } of this.#installed) {
      const more = this.#trial?.setsOf(name);
      const wrong = await this.sets.faults([...serviceSets(name), ...(more ?? [])]);
      if (wrong.length > 0) await this.sets.ensure(name, more);
      faults.push(...wrong);
    }
    faults.push(...(await this.#doorSets.ensure(this.doors)));
    await beforeJump?.();
    const changes = await this.#rules.apply(true);
    await this.sets.sentinels.remove(this.names);
    if (this.#trial === undefined && !this.#orphans.isClean) await this.pruneSets();
    return [...faults, ...changes];
  }

  /** Destroys sets that knockctl's rules no longer use. Returns which sets had to stay, and why. */
  async pruneSets(): Promise<string[]> {
    return this.#orphans.prune(this.names, this.doors);
  }

  /**
   * Whether packets meet any of knockctl's rules, including those of services that only an earlier configuration has.
   */
  async isActive(): Promise<boolean> {
    return this.#rules.isActive();
  }

  /** Returns the state of the rules for each service and family. */
  async ruleStatus(): Promise<RuleStatus[]> {
    return this.#rules.ruleStatus();
  }

  /** Returns the rule state as last read, without reading it again; `why` explains the missing update. */
  lastRuleStatus(why: string): RuleStatus[] {
    return this.#rules.lastRuleStatus(why);
  }

  /** Families whose rules iptables could not print at the last reading, and why. */
  get unread(): ReadonlyMap<Family, string> {
    return this.tables.unread;
  }

  /**
   * Removes jumps, chains and sets: those of the configured services and the recorded orphans. `madeTables` and
   * `madeMangle`: families whose tables filter and mangle are deleted too if nothing is left in them. Returns what had
   * to stay, and why. Throws KnockError if rules of a family could not be removed, once everything else is removed.
   */
  async remove(madeTables: readonly Family[] = [], madeMangle: readonly Family[] = []): Promise<string[]> {
    return this.#rules.serial(async () => {
      const left: string[] = [];
      const { orphanServices: strays } = this;
      const { instances } = this.#doorSets;
      // A failure in one family must not keep the rest in force.
      const stuck = new RemovalErrors();
      // In parallel: each may wait 5 s for the xtables lock.
      const takesOut = async (family: Family): Promise<void> => {
        const made = madeTablesOf(family, { madeTables, madeMangle });
        const rules = [...this.#desired(family), knownChains('', this.#chainsToDrop())];
        const what = { rules, services: strays, instances, made };
        await stuck.collect(family, async () => left.push(...(await prune(this.tables, family, what))));
      };
      await Promise.all(this.#settings.families.map(takesOut));
      const all = [...this.names, ...strays];
      if (all.length > 0) await this.#doorSets.prune();
      for (const name of all) left.push(...(await this.sets.destroy(name)));
      stuck.throwIfAny(left);
      return left;
    });
  }

  /**
   * Removes rules from a table that this configuration does not use: those of these services, and chains of a trial.
   * `made`: tables that are deleted too if nothing is left in them.
   */
  async removeFrom(
    { backend, family }: Place,
    services: readonly string[],
    trial: readonly string[],
    made: readonly TableName[],
  ): Promise<void> {
    await this.#rules.serial(async () => {
      const what = { rules: [knownChains('', trial)], services, instances: this.#doorSets.instances, made };
      await prune(this.tables.withBackend(backend), family, what);
    });
  }

  /**
   * Returns the services whose strict gates are in force in all families, whatever table filter holds. Empty during a
   * trial.
   */
  async gatesInForce(): Promise<ReadonlySet<string>> {
    const strict = this.services.filter(({ gate }) => gate === 'strict');
    if (this.#trial !== undefined || strict.length === 0) return new Set();
    const shut = await this.#rules.gatesInForce();
    return new Set(strict.map(({ name }) => name).filter((name) => shut.has(name)));
  }

  /** Feeds the watchdog of every service, or of those in `only`. */
  async feed(timeoutS: number, only?: ReadonlySet<string>): Promise<void> {
    for (const service of this.#installed) {
      if (only?.has(service.name) !== false) await this.sets.ports.feed(service, timeoutS);
    }
  }

  /** Trips the watchdog of every service except those in `but`. */
  async trip(except: ReadonlySet<string> = new Set()): Promise<void> {
    for (const { name } of this.#installed) if (!except.has(name)) await this.sets.ports.trip(name);
  }

  /** The desired rules of the services in a family. */
  #desired(family: Family): readonly DesiredService[] {
    return (this.#trial?.desired ?? this.version.desired).get(family) ?? [];
  }

  /** The services that have rules and sets; during a trial, with the ports of both versions. */
  get #installed(): readonly Service[] {
    return this.#trial?.services ?? this.services;
  }

  /** Chains of a past trial that must be removed. */
  #chainsToDrop(): readonly string[] {
    if (this.#trial !== undefined) return [];
    const own = [...this.version.desired.values()].flat();
    const names = own.flatMap(({ service, chains }) => [
      ...trialChains(service, [...chains.keys()]).values(),
    ]);
    return [...new Set([...names, ...this.#orphans.chains])];
  }
}
