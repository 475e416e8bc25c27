import { SerialQueue } from '../base/serial-queue.js';
import type { Family } from '../base/address.js';
import { EXIT, KnockError } from '../base/errors.js';
import { doorsLabel } from './model/door-names.js';
import { merged, type RuleStatus } from './rules/rule-status.js';
import { gatesIn } from './rules/gate.js';
import { knownChains } from './rules/known-chains.js';
import type { Exposure } from './exposure/assess.js';
import {
  missingParentChains,
  planApply,
  taggedRules,
  type MissingParentChain,
  type Transaction,
} from './rules/plan.js';
import { inTable, tableOf, TABLES, type TableName } from './model/table-name.js';
import { TableReader, type TableContent, type RulesParts } from './table-looks.js';
import type { Dormancy } from './rules/tables.js';
import type { Unreadable } from './rules/unread.js';
import type { DesiredService } from './rules/template.js';

/** Reads the rules in the tables and reconciles them with the desired ones. Changes run one after the other. */
export class RuleReconciler {
  readonly #parts: RulesParts;
  readonly #reader: TableReader;
  #missingParentChains: readonly MissingParentChain[] = [];
  #lastStatus: readonly RuleStatus[] | undefined;
  readonly #queue = new SerialQueue();

  constructor(parts: RulesParts) {
    this.#parts = parts;
    this.#reader = new TableReader(parts);
  }

  /** Parent chains of jumps that were missing at the last reconciliation. */
  get missingParentChains(): readonly MissingParentChain[] {
    return this.#missingParentChains;
  }

  /** Foreign rules that decide about the services before knockctl's jumps, as last read. */
  get exposures(): readonly Exposure[] {
    return this.#reader.exposures;
  }

  /** Reads the tables besides filter, and the other back end. */
  async checkOtherTables(): Promise<void> {
    await this.#reader.checkOtherTables();
  }

  /** See Firewall.otherTablesLate. */
  otherTablesLate(): void {
    this.#reader.otherTablesLate();
  }

  /** Marks every table as one that may hold knockctl's rules, even if none are desired there. */
  invalidate(): void {
    this.#reader.invalidate();
  }

  /**
   * Whether packets meet any of knockctl's rules, including those of services that only an earlier configuration has.
   */
  async isActive(): Promise<boolean> {
    return this.serial(async () => {
      const names = [...this.#reader.names, ...this.#parts.doorSets.instances.map(doorsLabel)];
      let isMet = false;
      let problem: Unreadable | undefined;
      // Reads all families, even if the first one decides: this also reads the doors' counters.
      for (const family of this.#families) {
        const { contents, failed } = await this.#reader.readTables(family);
        for (const { table } of contents)
          isMet ||= table !== undefined && names.some((name) => taggedRules(table, name).length > 0);
        problem ??= [...failed.values()][0];
      }
      if (!isMet && problem !== undefined) throw problem;
      return isMet;
    });
  }

  /** Returns the state of the rules for each service and family. */
  async ruleStatus(): Promise<RuleStatus[]> {
    return this.serial(async () => {
      const result: RuleStatus[] = [];
      const sleeping = await this.#parts.tables.dormancy();
      for (const family of this.#families) result.push(...(await this.#statusIn(family, sleeping)));
      this.#lastStatus = result;
      return result;
    });
  }

  /** Returns the state as last read, if reading takes too long; `why` explains the missing update. */
  lastRuleStatus(why: string): RuleStatus[] {
    if (this.#lastStatus !== undefined)
      return this.#lastStatus.map((one) => ({ ...one, unread: one.unread ?? why }));
    const { services } = this.#parts.wanted();
    return this.#families.flatMap((family) =>
      merged(services(family).map(({ service }) => unknownIn(service, family, why))),
    );
  }

  async #statusIn(family: Family, sleeping: Dormancy): Promise<RuleStatus[]> {
    const wanted = this.#parts.wanted();
    const doors = wanted.doors.rules(family);
    const all = [...wanted.services(family), ...(doors.chains.size === 0 ? [] : [doors])];
    const { tables } = this.#parts;
    const { contents, failed } = await this.#reader.readTables(family);
    const seen: RuleStatus[] = [];
    for (const name of TABLES) {
      const own = inTable(all, name);
      const error = failed.get(name);
      if (error !== undefined) seen.push(...own.map(({ service }) => unknownIn(service, family, error.why)));
      const content = contents.find((one) => one.name === name);
      if (content === undefined || own.length === 0) continue;
      const asleep = sleeping(family, name);
      const unread = asleep ?? tables.unreadIn(name).get(family);
      const met = asleep === undefined ? content : { ...content, table: undefined };
      seen.push(...own.map((service) => ({ ...this.#reader.judge(family, service, met), unread })));
    }
    return merged(seen);
  }

  /**
   * Returns the services whose strict gates, jump and chains, are in force in every family; does not read table filter.
   */
  async gatesInForce(): Promise<ReadonlySet<string>> {
    return this.serial(async () => {
      const shut = new Set(this.#reader.names);
      const sleeping = await this.#parts.tables.dormancy();
      for (const family of this.#families) {
        const whole = await this.#reader.wholeGates(family, sleeping);
        for (const name of shut) if (!whole.includes(name)) shut.delete(name);
      }
      return shut;
    });
  }

  /**
   * Reconciles the chains and, with `jump`, the jumps. Returns the changes in words. The changes of the two tables of a
   * family are applied one after the other in one process: first the table that doors move out of, so that no knock
   * meets them twice. A table with a desired gate is changed last, one with a gate to remove first.
   */
  async apply(jump: boolean): Promise<string[]> {
    return this.serial(async () => {
      const changes: string[] = [];
      const waiting: MissingParentChain[] = [];
      for (const family of this.#families) {
        const { contents, failed } = await this.#reader.readTables(family);
        for (const [name, error] of failed) if (!(await this.#maySkip(family, name, jump))) throw error;
        const made = await this.#applyTo(family, contents, jump);
        changes.push(...made.changes);
        waiting.push(...made.waiting);
      }
      if (jump) await this.#requireActive();
      this.#missingParentChains = waiting;
      return changes;
    });
  }

  async #applyTo(
    family: Family,
    contents: readonly TableContent[],
    jump: boolean,
  ): Promise<{ readonly changes: readonly string[]; readonly waiting: readonly MissingParentChain[] }> {
    const { tables, wanted } = this.#parts;
    const plans = contents.map((content) => ({ ...content, ...this.#plan(family, content, jump) }));
    const waiting = plans.flatMap(({ desired, actual, name }) =>
      name === 'filter' ? missingParentChains(family, desired, actual) : [],
    );
    const isGated = inTable(wanted().services(family), 'mangle').length > 0;
    const text = (isGated ? plans : plans.toReversed()).map((plan) => plan.text).join('');
    if (text !== '') await tables.apply(family, text);
    for (const plan of plans) {
      if (plan.text === '') {
        await this.#reader.learn(family, plan, jump);
        continue;
      }
      const made = await this.#reader.readTable(family, plan.name);
      this.#reader.canonical.learn(family, inTable(plan.desired, plan.name), made.table, jump);
      await this.#reader.learn(family, made, jump);
    }
    if (jump && !isGated && contents.some(({ name }) => name === 'mangle')) this.#reader.markUnused(family);
    return {
      changes: plans.flatMap((plan) => plan.changes.map((change) => `${change} (IPv${family})`)),
      waiting,
    };
  }

  /** Throws KnockError if a table is dormant: rules that no packet meets protect nothing. */
  async #requireActive(): Promise<void> {
    const sleeping = await this.#parts.tables.dormancy();
    for (const family of this.#families) {
      const isGated = inTable(this.#parts.wanted().services(family), 'mangle').length > 0;
      for (const table of isGated ? TABLES : (['filter'] as const)) {
        const asleep = sleeping(family, table);
        if (asleep !== undefined) throw new KnockError(asleep, { exitCode: EXIT.firewall });
      }
    }
  }

  /** Runs a job that changes rules, after all earlier jobs. */
  async serial<T>(job: () => Promise<T>): Promise<T> {
    return this.#queue.run(job);
  }

  get #families(): readonly Family[] {
    return this.#parts.settings.families;
  }

  /**
   * Whether `apply` may skip an unreadable table, which is reported elsewhere. One of the two is enough: filter's rules
   * without the gate, or gates known to be whole without filter. When only chains are prepared, there is no need to
   * skip.
   */
  async #maySkip(family: Family, name: TableName, jump: boolean): Promise<boolean> {
    const services = this.#parts.wanted().services(family);
    const gates = inTable(services, 'mangle');
    if (name === 'mangle') return jump || gates.length === 0;
    if (!jump || gates.length === 0) return false;
    const whole = await this.#reader.wholeGates(family, await this.#parts.tables.dormancy());
    return services.every(({ service }) => whole.includes(service));
  }

  /** The desired services and doors of a table; doors that belong to another table are desired to be absent. */
  #desired(family: Family, { name, table }: TableContent, jump: boolean): readonly DesiredService[] {
    const wanted = this.#parts.wanted();
    const services = inTable(wanted.services(family), name);
    const doors = this.#doorsIn(family, name);
    // Doors in force change only together with their jump: a reload that is refused later must not have opened any.
    const areMet = table !== undefined && taggedRules(table, doors.service).length > 0;
    return areMet && !jump ? services : [...services, doors];
  }

  #doorsIn(family: Family, name: TableName): DesiredService {
    const doors = this.#parts.wanted().doors.rules(family);
    return tableOf(doors) === name ? doors : { ...knownChains(doors.service, []), table: name };
  }

  #plan(
    family: Family,
    content: TableContent,
    jump: boolean,
  ): Transaction & { readonly desired: readonly DesiredService[] } {
    const { doorSets, wanted } = this.#parts;
    const { name, actual, table } = content;
    const desired = this.#desired(family, content, jump);
    const stray = doorSets.stray(table, this.#doorsIn(family, name));
    const going =
      name === 'filter' ? this.#parts.orphans.toPrune(wanted().names) : this.#gatesToRemove(content, desired);
    const jumps = [...going.jumps, ...stray.jumps].map((one) => ({ ...one, table: name }));
    const plan = planApply([...desired, ...jumps], actual, {
      jump,
      hook: this.#reader.hook(name),
      same: this.#reader.canonical.same(family),
      drop: [...new Set([...wanted().drop, ...stray.chains, ...going.chains])],
      table: name,
    });
    return { ...plan, desired };
  }

  /** Existing gates that are not desired. */
  #gatesToRemove(
    { table }: TableContent,
    desired: readonly DesiredService[],
  ): { readonly jumps: readonly DesiredService[]; readonly chains: readonly string[] } {
    const gates = gatesIn(table, this.#reader.names);
    const kept = desired.map(({ service }) => service);
    return {
      jumps: gates
        .filter(({ service }) => !kept.includes(service))
        .map(({ service }) => knownChains(service, [])),
      chains: gates.flatMap(({ chains }) => [...chains.keys()]),
    };
  }
}

function unknownIn(service: string, family: Family, unread: string): RuleStatus {
  const nothing = { chains: false, jump: false, awaits: undefined, met: false };
  return { service, family, ...nothing, unread, unknown: true };
}
