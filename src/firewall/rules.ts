import type { Family } from '../base/address.js';
import { EXIT, KnockError } from '../base/errors.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset, Table } from '../iptables-parser/types.js';
import type { DoorKeeping } from './doors/door-keeping.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { doorsLabel } from './doors/names.js';
import { judgeJumps, merged, type InForce } from './in-force.js';
import { gatesIn } from './gate.js';
import { chainsOf, isOurs, leftovers, standardGate } from './leftovers.js';
import { readAllTables } from './exposure/all-tables.js';
import { Assessed } from './exposure/assessed.js';
import type { Exposure } from './exposure/assess.js';
import { awaited, planApply, taggedRules, type Awaited, type Transaction } from './plan.js';
import { PrintedRules } from './printed.js';
import type { Remains } from './remains.js';
import type { RuleSettings, Service } from './service.js';
import { inTable, tableOf, TABLES, type TableName } from './table-name.js';
import type { Tables } from './tables.js';
import type { DesiredService } from './template.js';
import { Unreadable } from './unread.js';

/** What is to be in force. */
export interface Wanted {
  readonly services: (family: Family) => readonly DesiredService[];
  /** Their names. */
  readonly names: readonly string[];
  readonly doors: KernelDoors;
  /** Chains of ours that must not be there any more. */
  readonly drop: readonly string[];
}

export interface RulesParts {
  readonly tables: Tables;
  readonly settings: RuleSettings;
  readonly keeping: DoorKeeping;
  readonly remains: Remains;
  readonly wanted: () => Wanted;
  /** The services whose ports are to be shut. */
  readonly services: () => readonly Service[];
}

/** The rules in the tables: looks at them, and makes them what they should be. Changes happen one after the other. */
export class Rules {
  readonly #parts: RulesParts;
  readonly #printed = new PrintedRules();
  readonly #assessed = new Assessed();
  #awaited: readonly Awaited[] = [];
  #seen: readonly InForce[] | undefined;
  /** Families whose table mangle has nothing of ours, and is to have nothing: it need not be looked at. */
  readonly #spared = new Set<Family>();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** Chains of others that jumps of ours belong into and that were not there at the last look. */
  get awaited(): readonly Awaited[] {
    return this.#awaited;
  }

  /** What decides about our services before us, by the rules as they were last read. */
  get exposures(): readonly Exposure[] {
    const { tables, settings, keeping, services, wanted } = this.#parts;
    return this.#assessed.exposures({
      services: services(),
      backend: tables.backend.name,
      instances: keeping.instances,
      hook: settings.hook,
      families: settings.families,
      doors: (family) => [...wanted().doors.openings(family).values()],
    });
  }

  /** Looks at tables besides filter, and at the other back end. */
  async lookElsewhere(): Promise<void> {
    this.#assessed.seeElsewhere(await readAllTables(this.#parts.tables));
  }

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isMet(): Promise<boolean> {
    return this.serial(async () => {
      const names = [...this.#names, ...this.#parts.keeping.instances.map(doorsLabel)];
      for (const family of this.#families) {
        const { looks, failed } = await this.#look(family);
        for (const { table } of looks) {
          if (table !== undefined && names.some((name) => taggedRules(table, name).length > 0)) return true;
        }
        for (const error of failed.values()) throw error;
      }
      return false;
    });
  }

  /** What is in force, for each service and family. */
  async inForce(): Promise<InForce[]> {
    return this.serial(async () => {
      const result: InForce[] = [];
      for (const family of this.#families) result.push(...(await this.#inForceIn(family)));
      this.#seen = result;
      return result;
    });
  }

  /** What was in force at the last look, where another one takes too long; `why` no newer one is there. */
  notRead(why: string): InForce[] {
    if (this.#seen !== undefined) return this.#seen.map((one) => ({ ...one, unread: one.unread ?? why }));
    const { services } = this.#parts.wanted();
    return this.#families.flatMap((family) =>
      merged(services(family).map(({ service }) => unknownIn(service, family, why))),
    );
  }

  async #inForceIn(family: Family): Promise<InForce[]> {
    const wanted = this.#parts.wanted();
    const doors = wanted.doors.rules(family);
    const all = [...wanted.services(family), ...(doors.chains.size === 0 ? [] : [doors])];
    const { tables } = this.#parts;
    const { looks, failed } = await this.#look(family);
    const seen: InForce[] = [];
    for (const name of TABLES) {
      const own = inTable(all, name);
      const error = failed.get(name);
      if (error !== undefined) seen.push(...own.map(({ service }) => unknownIn(service, family, error.why)));
      const look = looks.find((one) => one.name === name);
      if (look === undefined || own.length === 0) continue;
      const asleep = await tables.asleep(family, name);
      const unread = asleep ?? tables.unreadIn(name).get(family);
      const met = asleep === undefined ? look : { ...look, table: undefined };
      seen.push(...own.map((service) => ({ ...this.#judge(family, service, met), unread })));
    }
    return merged(seen);
  }

  /** The services whose second gates are in force, jump and chains, in every family; filter is not looked at. */
  async gatesInForce(): Promise<ReadonlySet<string>> {
    return this.serial(async () => {
      const shut = new Set(this.#names);
      for (const family of this.#families) {
        const whole = await this.#wholeGates(family);
        for (const name of shut) if (!whole.includes(name)) shut.delete(name);
      }
      return shut;
    });
  }

  /** None where the table cannot be read, or sleeps: what is not known to shut does not. */
  async #wholeGates(family: Family): Promise<readonly string[]> {
    try {
      const look = await this.#readTable(family, 'mangle');
      if ((await this.#parts.tables.asleep(family, 'mangle')) !== undefined) return [];
      const gates = inTable(this.#parts.wanted().services(family), 'mangle');
      const right = gates.map((gate) => this.#judge(family, gate, look)).filter(isWhole);
      return right.map(({ service }) => service);
    } catch (error) {
      if (error instanceof Unreadable) return [];
      throw error;
    }
  }

  /** From now on something of ours may be in any table, though none of it is wanted there. */
  distrust(): void {
    this.#spared.clear();
  }

  /**
   * Chains and, with `jump`, the jumps as they should be. Gives what was changed, in words. What changes in the two
   * tables of a family goes in one after the other, in one process: first that which doors leave, so that no knock
   * meets them twice; and where a gate is to be in force, it is the last, where one is to go, the first.
   */
  async apply(jump: boolean): Promise<string[]> {
    return this.serial(async () => {
      const changes: string[] = [];
      const waiting: Awaited[] = [];
      for (const family of this.#families) {
        const { looks, failed } = await this.#look(family);
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
  ): Promise<{ readonly changes: readonly string[]; readonly waiting: readonly Awaited[] }> {
    const { tables, wanted } = this.#parts;
    const plans = looks.map((look) => ({ ...look, ...this.#plan(family, look, jump) }));
    const waiting = plans.flatMap(({ desired, actual, name }) =>
      name === 'filter' ? awaited(family, desired, actual) : [],
    );
    const isGated = inTable(wanted().services(family), 'mangle').length > 0;
    const text = (isGated ? plans : plans.toReversed()).map((plan) => plan.text).join('');
    if (text !== '') await tables.apply(family, text);
    for (const plan of plans) {
      if (plan.text === '') {
        await this.#learn(family, plan, jump);
        continue;
      }
      const made = await this.#readTable(family, plan.name);
      this.#printed.learn(family, inTable(plan.desired, plan.name), made.table, jump);
      await this.#learn(family, made, jump);
    }
    if (text === '' && jump && !isGated) this.#spared.add(family);
    return {
      changes: plans.flatMap((plan) => plan.changes.map((change) => `${change} (IPv${family})`)),
      waiting,
    };
  }

  /** Rules that no packet meets protect nothing, however right they are. Throws KnockError. */
  async #mustBeAwake(): Promise<void> {
    for (const family of this.#families) {
      const isGated = inTable(this.#parts.wanted().services(family), 'mangle').length > 0;
      for (const table of isGated ? TABLES : (['filter'] as const)) {
        const asleep = await this.#parts.tables.asleep(family, table);
        if (asleep !== undefined) throw new KnockError(asleep, { exitCode: EXIT.firewall });
      }
    }
  }

  /** Runs a job that changes rules after all before it. */
  async serial<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(job);
    this.#queue = result.catch(() => undefined); // a failed job is its caller's, not the next one's
    return result;
  }

  get #families(): readonly Family[] {
    return this.#parts.settings.families;
  }

  /** Services that are wanted, or of which something may be left. */
  get #names(): readonly string[] {
    const { names } = this.#parts.wanted();
    return [...names, ...this.#parts.remains.services(names)];
  }

  /** The tables that may have something of ours, as they are, and why one of them cannot be read by any way. */
  async #look(family: Family): Promise<{
    readonly looks: readonly Look[];
    readonly failed: ReadonlyMap<TableName, Unreadable>;
  }> {
    const { tables, keeping } = this.#parts;
    const isHeld = await this.#mayHold(family, 'mangle');
    const looks: Look[] = [];
    const failed = new Map<TableName, Unreadable>();
    const counts = new Map<string, number>();
    for (const name of isHeld ? TABLES : (['filter'] as const)) {
      try {
        looks.push(await this.#readTable(family, name, counts));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        failed.set(name, error);
      }
    }
    if (!isHeld) tables.passOver(family, 'mangle');
    if (failed.size === 0) keeping.counted(family, counts);
    return { looks, failed };
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
    const whole = await this.#wholeGates(family);
    return services.every(({ service }) => whole.includes(service));
  }

  /** To look at a table that is not there may make it: only what is wanted there is a reason. */
  async #mayHold(family: Family, name: TableName): Promise<boolean> {
    const { services, doors } = this.#parts.wanted();
    if (inTable([...services(family), doors.rules(family)], name).length > 0) return true;
    return !this.#spared.has(family) && (await this.#parts.tables.exists(family, name));
  }

  async #readTable(family: Family, name: TableName, counts?: Map<string, number>): Promise<Look> {
    const { tables, wanted } = this.#parts;
    const { services, doors, drop } = wanted();
    const desired = inTable([...services(family), doors.rules(family)], name);
    const gates = name === 'mangle' ? this.#names.map(standardGate) : [];
    const chains = new Set([...chainsOf([...desired, ...gates]), ...drop]);
    const actual = await tables.read(family, this.#isOurs, {
      counts: counts ?? new Map(),
      chains,
      table: name,
    });
    if (name === 'filter') this.#assessed.see(family, actual, tables.unreadIn(name).get(family));
    return { name, actual, table: findTable(actual, name) };
  }

  /** What is in force, for a time when no save tells it: with the jumps alone it is all of it. */
  async #learn(family: Family, { name, actual }: Look, jump: boolean): Promise<void> {
    if (jump) await this.#parts.tables.learn(family, actual, this.#isOurs, name);
  }

  /** Tells lines, and chains, that concern us. */
  get #isOurs(): (line: string) => boolean {
    return isOurs(this.#names, this.#parts.keeping.instances);
  }

  #judge(family: Family, service: DesiredService, { name, actual, table }: Look): InForce {
    const same = this.#printed.same(family);
    const options = { jump: false, hook: this.#hook(name), same, table: name };
    const chains = planApply([service], actual, options).text === '';
    return { ...judgeJumps(service, table, same), family, chains };
  }

  #hook(name: TableName): 'first' | 'last' {
    return name === 'mangle' ? 'first' : this.#parts.settings.hook;
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
    return tableOf(doors) === name ? doors : { ...leftovers(doors.service, []), table: name };
  }

  #plan(
    family: Family,
    look: Look,
    jump: boolean,
  ): Transaction & { readonly desired: readonly DesiredService[] } {
    const { keeping, wanted } = this.#parts;
    const { name, actual, table } = look;
    const desired = this.#desired(family, look, jump);
    const stray = keeping.stray(table, this.#doorsIn(family, name));
    const going =
      name === 'filter' ? this.#parts.remains.going(wanted().names) : this.#gatesGoing(look, desired);
    const jumps = [...going.jumps, ...stray.jumps].map((one) => ({ ...one, table: name }));
    const plan = planApply([...desired, ...jumps], actual, {
      jump,
      hook: this.#hook(name),
      same: this.#printed.same(family),
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
    const gates = gatesIn(table, this.#names);
    const kept = desired.map(({ service }) => service);
    return {
      jumps: gates
        .filter(({ service }) => !kept.includes(service))
        .map(({ service }) => leftovers(service, [])),
      chains: gates.flatMap(({ chains }) => [...chains.keys()]),
    };
  }
}

function unknownIn(service: string, family: Family, unread: string): InForce {
  const nothing = { chains: false, jump: false, awaits: undefined, met: false };
  return { service, family, ...nothing, unread, unknown: true };
}

function isWhole({ chains, jump }: InForce): boolean {
  return chains && jump;
}

/** A table as it is. */
interface Look {
  readonly name: TableName;
  readonly actual: Ruleset;
  readonly table: Table | undefined;
}
