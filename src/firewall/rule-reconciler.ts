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
import { TableLooks, type Look, type RulesParts } from './table-looks.js';
import type { Sleeping } from './rules/tables.js';
import type { Unreadable } from './rules/unread.js';
import type { DesiredService } from './rules/template.js';

/** The rules in the tables: looks at them, and makes them what they should be. Changes happen one after the other. */
export class RuleReconciler {
  readonly #parts: RulesParts;
  readonly #looks: TableLooks;
  #awaited: readonly MissingParentChain[] = [];
  #seen: readonly RuleStatus[] | undefined;
  readonly #queue = new SerialQueue();

  constructor(parts: RulesParts) {
    this.#parts = parts;
    this.#looks = new TableLooks(parts);
  }

  /** Chains of others that jumps of ours belong into and that were not there at the last look. */
  get missingParentChains(): readonly MissingParentChain[] {
    return this.#awaited;
  }

  /** What decides about our services before us, by the rules as they were last read. */
  get exposures(): readonly Exposure[] {
    return this.#looks.exposures;
  }

  /** Looks at tables besides filter, and at the other back end. */
  async checkOtherTables(): Promise<void> {
    await this.#looks.checkOtherTables();
  }

  /** See Firewall.elsewhereLate. */
  otherTablesLate(): void {
    this.#looks.otherTablesLate();
  }

  /** From now on something of ours may be in any table, though none of it is wanted there. */
  invalidate(): void {
    this.#looks.invalidate();
  }

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isActive(): Promise<boolean> {
    return this.serial(async () => {
      const names = [...this.#looks.names, ...this.#parts.doorSets.instances.map(doorsLabel)];
      let isMet = false;
      let problem: Unreadable | undefined;
      // All families, whatever the first one tells: what their doors have counted is read with it.
      for (const family of this.#families) {
        const { looks, failed } = await this.#looks.look(family);
        for (const { table } of looks)
          isMet ||= table !== undefined && names.some((name) => taggedRules(table, name).length > 0);
        problem ??= [...failed.values()][0];
      }
      if (!isMet && problem !== undefined) throw problem;
      return isMet;
    });
  }

  /** What is in force, for each service and family. */
  async ruleStatus(): Promise<RuleStatus[]> {
    return this.serial(async () => {
      const result: RuleStatus[] = [];
      const sleeping = await this.#parts.tables.sleeping();
      for (const family of this.#families) result.push(...(await this.#inForceIn(family, sleeping)));
      this.#seen = result;
      return result;
    });
  }

  /** What was in force at the last look, where another one takes too long; `why` no newer one is there. */
  notRead(why: string): RuleStatus[] {
    if (this.#seen !== undefined) return this.#seen.map((one) => ({ ...one, unread: one.unread ?? why }));
    const { services } = this.#parts.wanted();
    return this.#families.flatMap((family) =>
      merged(services(family).map(({ service }) => unknownIn(service, family, why))),
    );
  }

  async #inForceIn(family: Family, sleeping: Sleeping): Promise<RuleStatus[]> {
    const wanted = this.#parts.wanted();
    const doors = wanted.doors.rules(family);
    const all = [...wanted.services(family), ...(doors.chains.size === 0 ? [] : [doors])];
    const { tables } = this.#parts;
    const { looks, failed } = await this.#looks.look(family);
    const seen: RuleStatus[] = [];
    for (const name of TABLES) {
      const own = inTable(all, name);
      const error = failed.get(name);
      if (error !== undefined) seen.push(...own.map(({ service }) => unknownIn(service, family, error.why)));
      const look = looks.find((one) => one.name === name);
      if (look === undefined || own.length === 0) continue;
      const asleep = sleeping(family, name);
      const unread = asleep ?? tables.unreadIn(name).get(family);
      const met = asleep === undefined ? look : { ...look, table: undefined };
      seen.push(...own.map((service) => ({ ...this.#looks.judge(family, service, met), unread })));
    }
    return merged(seen);
  }

  /** The services whose second gates are in force, jump and chains, in every family; filter is not looked at. */
  async gatesInForce(): Promise<ReadonlySet<string>> {
    return this.serial(async () => {
      const shut = new Set(this.#looks.names);
      const sleeping = await this.#parts.tables.sleeping();
      for (const family of this.#families) {
        const whole = await this.#looks.wholeGates(family, sleeping);
        for (const name of shut) if (!whole.includes(name)) shut.delete(name);
      }
      return shut;
    });
  }

  /**
   * Chains and, with `jump`, the jumps as they should be. Gives what was changed, in words. What changes in the two
   * tables of a family goes in one after the other, in one process: first that which doors leave, so that no knock
   * meets them twice; and where a gate is to be in force, it is the last, where one is to go, the first.
   */
  async apply(jump: boolean): Promise<string[]> {
    return this.serial(async () => {
      const changes: string[] = [];
      const waiting: MissingParentChain[] = [];
      for (const family of this.#families) {
        const { looks, failed } = await this.#looks.look(family);
        for (const [name, error] of failed) if (!(await this.#mayPassOver(family, name, jump))) throw error;
        const made = await this.#applyTo(family, looks, jump);
        changes.push(...made.changes);
        waiting.push(...made.waiting);
      }
      if (jump) await this.#mustBeAwake();
      this.#awaited = waiting;
      return changes;
    });
  }

  async #applyTo(
    family: Family,
    looks: readonly Look[],
    jump: boolean,
  ): Promise<{ readonly changes: readonly string[]; readonly waiting: readonly MissingParentChain[] }> {
    const { tables, wanted } = this.#parts;
    const plans = looks.map((look) => ({ ...look, ...this.#plan(family, look, jump) }));
    const waiting = plans.flatMap(({ desired, actual, name }) =>
      name === 'filter' ? missingParentChains(family, desired, actual) : [],
    );
    const isGated = inTable(wanted().services(family), 'mangle').length > 0;
    const text = (isGated ? plans : plans.toReversed()).map((plan) => plan.text).join('');
    if (text !== '') await tables.apply(family, text);
    for (const plan of plans) {
      if (plan.text === '') {
        await this.#looks.learn(family, plan, jump);
        continue;
      }
      const made = await this.#looks.readTable(family, plan.name);
      this.#looks.canonical.learn(family, inTable(plan.desired, plan.name), made.table, jump);
      await this.#looks.learn(family, made, jump);
    }
    if (jump && !isGated && looks.some(({ name }) => name === 'mangle')) this.#looks.spare(family);
    return {
      changes: plans.flatMap((plan) => plan.changes.map((change) => `${change} (IPv${family})`)),
      waiting,
    };
  }

  /** Rules that no packet meets protect nothing, however right they are. Throws KnockError. */
  async #mustBeAwake(): Promise<void> {
    const sleeping = await this.#parts.tables.sleeping();
    for (const family of this.#families) {
      const isGated = inTable(this.#parts.wanted().services(family), 'mangle').length > 0;
      for (const table of isGated ? TABLES : (['filter'] as const)) {
        const asleep = sleeping(family, table);
        if (asleep !== undefined) throw new KnockError(asleep, { exitCode: EXIT.firewall });
      }
    }
  }

  /** Runs a job that changes rules after all before it. */
  async serial<T>(job: () => Promise<T>): Promise<T> {
    return this.#queue.run(job);
  }

  get #families(): readonly Family[] {
    return this.#parts.settings.families;
  }

  /**
   * Nothing is repaired in a table that nothing tells, and that is told. One is enough to go on with: filter's own
   * rules without the gate, or gates that are known whole without filter. With new chains alone there is no hurry.
   */
  async #mayPassOver(family: Family, name: TableName, jump: boolean): Promise<boolean> {
    const services = this.#parts.wanted().services(family);
    const gates = inTable(services, 'mangle');
    if (name === 'mangle') return jump || gates.length === 0;
    if (!jump || gates.length === 0) return false;
    const whole = await this.#looks.wholeGates(family, await this.#parts.tables.sleeping());
    return services.every(({ service }) => whole.includes(service));
  }

  /** What is to be in a table: services and doors, or of those that are to be in another one, nothing. */
  #desired(family: Family, { name, table }: Look, jump: boolean): readonly DesiredService[] {
    const wanted = this.#parts.wanted();
    const services = inTable(wanted.services(family), name);
    const doors = this.#doorsIn(family, name);
    // Doors that packets meet change with their jump alone: a reload that is refused later must not have opened any.
    const areMet = table !== undefined && taggedRules(table, doors.service).length > 0;
    return areMet && !jump ? services : [...services, doors];
  }

  #doorsIn(family: Family, name: TableName): DesiredService {
    const doors = this.#parts.wanted().doors.rules(family);
    return tableOf(doors) === name ? doors : { ...knownChains(doors.service, []), table: name };
  }

  #plan(
    family: Family,
    look: Look,
    jump: boolean,
  ): Transaction & { readonly desired: readonly DesiredService[] } {
    const { doorSets: keeping, wanted } = this.#parts;
    const { name, actual, table } = look;
    const desired = this.#desired(family, look, jump);
    const stray = keeping.stray(table, this.#doorsIn(family, name));
    const going =
      name === 'filter' ? this.#parts.orphans.toPrune(wanted().names) : this.#gatesGoing(look, desired);
    const jumps = [...going.jumps, ...stray.jumps].map((one) => ({ ...one, table: name }));
    const plan = planApply([...desired, ...jumps], actual, {
      jump,
      hook: this.#looks.hook(name),
      same: this.#looks.canonical.same(family),
      drop: [...new Set([...wanted().drop, ...stray.chains, ...going.chains])],
      table: name,
    });
    return { ...plan, desired };
  }

  /** Gates that are there and not wanted. */
  #gatesGoing(
    { table }: Look,
    desired: readonly DesiredService[],
  ): { readonly jumps: readonly DesiredService[]; readonly chains: readonly string[] } {
    const gates = gatesIn(table, this.#looks.names);
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
