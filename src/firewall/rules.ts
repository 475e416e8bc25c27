import type { Family } from '../base/address.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset, Table } from '../iptables-parser/types.js';
import type { DoorKeeping } from './doors/door-keeping.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { doorsLabel } from './doors/names.js';
import { gatesIn } from './gate.js';
import { judgeJumps, merged, type InForce } from './in-force.js';
import { isOurs, leftovers } from './leftovers.js';
import { awaited, planApply, taggedRules, type Awaited, type Transaction } from './plan.js';
import { PrintedRules } from './printed.js';
import type { Remains } from './remains.js';
import type { RuleSettings } from './service.js';
import { inTable, tableOf, type TableName } from './table-name.js';
import type { Tables } from './tables.js';
import type { DesiredService } from './template.js';

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
}

/** The rules in the tables: looks at them, and makes them what they should be. Changes happen one after the other. */
export class Rules {
  readonly #parts: RulesParts;
  readonly #printed = new PrintedRules();
  #awaited: readonly Awaited[] = [];
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

  /** Whether packets meet rules of ours, be it of services that only an earlier configuration has. */
  async isMet(): Promise<boolean> {
    return this.serial(async () => {
      const names = [...this.#names, ...this.#parts.keeping.instances.map(doorsLabel)];
      for (const family of this.#families) {
        for (const { table } of await this.#look(family)) {
          if (table !== undefined && names.some((name) => taggedRules(table, name).length > 0)) return true;
        }
      }
      return false;
    });
  }

  /** What is in force, for each service and family. */
  async inForce(): Promise<InForce[]> {
    return this.serial(async () => {
      const result: InForce[] = [];
      for (const family of this.#families) {
        const wanted = this.#parts.wanted();
        const doors = wanted.doors.rules(family);
        const all = [...wanted.services(family), ...(doors.chains.size === 0 ? [] : [doors])];
        const seen = (await this.#look(family)).flatMap((look) =>
          inTable(all, look.name).map((service) => this.#judge(family, service, look)),
        );
        result.push(...merged(seen));
      }
      return result;
    });
  }

  /** The services whose second gates are in force, jump and chains, in every family; filter is not looked at. */
  async gatesInForce(): Promise<ReadonlySet<string>> {
    return this.serial(async () => {
      const shut = new Set(this.#names);
      for (const family of this.#families) {
        const actual = await this.#read(family, 'mangle');
        const look = { name: 'mangle', actual, table: findTable(actual, 'mangle') } as const;
        const gates = inTable(this.#parts.wanted().services(family), 'mangle');
        const right = gates.map((gate) => this.#judge(family, gate, look)).filter(isWhole);
        for (const name of shut) if (!right.some(({ service }) => service === name)) shut.delete(name);
      }
      return shut;
    });
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
        const looks = await this.#look(family);
        const plans = looks.map((look) => ({ ...look, ...this.#plan(family, look, jump) }));
        for (const { desired, actual, name } of plans) {
          if (name === 'filter') waiting.push(...awaited(family, desired, actual));
        }
        const isGated = inTable(this.#parts.wanted().services(family), 'mangle').length > 0;
        const text = (isGated ? plans : plans.toReversed()).map((plan) => plan.text).join('');
        if (text === '') {
          if (jump && !isGated) this.#spared.add(family);
          continue;
        }
        await this.#parts.tables.apply(family, text);
        changes.push(...plans.flatMap((plan) => plan.changes.map((change) => `${change} (IPv${family})`)));
        for (const { desired, name } of plans.filter((plan) => plan.text !== '')) {
          const table = findTable(await this.#read(family, name), name);
          this.#printed.learn(family, inTable(desired, name), table, jump);
        }
      }
      this.#awaited = waiting;
      return changes;
    });
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

  /** The tables that may have something of ours, as they are. */
  async #look(family: Family): Promise<Look[]> {
    const names: TableName[] = (await this.#mayHold(family, 'mangle')) ? ['filter', 'mangle'] : ['filter'];
    const looks: Look[] = [];
    const counts = new Map<string, number>();
    for (const name of names) {
      const actual = await this.#read(family, name, counts);
      looks.push({ name, actual, table: findTable(actual, name) });
    }
    this.#parts.keeping.counted(family, counts);
    return looks;
  }

  /** To look at a table that is not there may make it: only what is wanted there is a reason. */
  async #mayHold(family: Family, name: TableName): Promise<boolean> {
    const { services, doors } = this.#parts.wanted();
    if (inTable([...services(family), doors.rules(family)], name).length > 0) return true;
    return !this.#spared.has(family) && (await this.#parts.tables.exists(family, name));
  }

  async #read(family: Family, name: TableName, counts?: Map<string, number>): Promise<Ruleset> {
    const { tables, keeping } = this.#parts;
    return tables.read(
      family,
      isOurs(this.#names, keeping.instances),
      counts ?? new Map<string, number>(),
      name,
    );
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

function isWhole({ chains, jump }: InForce): boolean {
  return chains && jump;
}

/** A table as it is. */
interface Look {
  readonly name: TableName;
  readonly actual: Ruleset;
  readonly table: Table | undefined;
}
