import type { Family } from '../base/address.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset, Table } from '../iptables-parser/document.js';
import type { KernelDoorSets } from './doors/door-sets.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { readAllTables } from './exposure/all-tables.js';
import { Assessed } from './exposure/assessed.js';
import type { Exposure } from './exposure/assess.js';
import { judgeJumps, type RuleStatus } from './rules/rule-status.js';
import { chainsOf, isOurs, standardGate } from './rules/known-chains.js';
import { planApply } from './rules/plan.js';
import { CanonicalRules } from './rules/canonical-rules.js';
import type { Orphans } from './ownership/orphans.js';
import type { Service } from './model/service.js';
import type { RuleSettings } from './model/rule-settings.js';
import { inTable, TABLES, type TableName } from './model/table-name.js';
import type { Sleeping, Tables } from './rules/tables.js';
import type { DesiredService } from './rules/template.js';
import { Unreadable } from './rules/unread.js';

/** What is to be in force. */
interface Wanted {
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
  readonly doorSets: KernelDoorSets;
  readonly orphans: Orphans;
  readonly wanted: () => Wanted;
  /** The services whose ports are to be shut. */
  readonly services: () => readonly Service[];
}

/** A table as it is. */
export interface Look {
  readonly name: TableName;
  readonly actual: Ruleset;
  readonly table: Table | undefined;
}

/** Looks at the tables that rules of ours may be in, one family at a time, and judges what is there. */
export class TableLooks {
  readonly #parts: RulesParts;
  readonly #assessed = new Assessed();
  /** Families whose table mangle has nothing of ours, and is to have nothing: it need not be looked at. */
  readonly #spared = new Set<Family>();
  /** How the kernel prints rules of ours. */
  readonly canonical = new CanonicalRules();

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** What decides about our services before us, by the rules as they were last read. */
  get exposures(): readonly Exposure[] {
    const { tables, settings, doorSets: keeping, services, wanted } = this.#parts;
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
  async checkOtherTables(): Promise<void> {
    this.#assessed.seeElsewhere(await readAllTables(this.#parts.tables));
  }

  /** See Firewall.elsewhereLate. */
  otherTablesLate(): void {
    this.#assessed.elsewhereLate();
  }

  /** Services that are wanted, or of which something may be left. */
  get names(): readonly string[] {
    const { names } = this.#parts.wanted();
    return [...names, ...this.#parts.orphans.services(names)];
  }

  /** Nothing of ours is in the table mangle of a family, nor is to be. */
  spare(family: Family): void {
    this.#spared.add(family);
  }

  /** From now on something of ours may be in any table, though none of it is wanted there. */
  invalidate(): void {
    this.#spared.clear();
  }

  /** The tables that may have something of ours, as they are, and why one of them cannot be read by any way. */
  async look(family: Family): Promise<{
    readonly looks: readonly Look[];
    readonly failed: ReadonlyMap<TableName, Unreadable>;
  }> {
    const { tables, doorSets: keeping } = this.#parts;
    const isHeld = await this.#mayHold(family, 'mangle');
    const looks: Look[] = [];
    const failed = new Map<TableName, Unreadable>();
    const counts = new Map<string, number>();
    for (const name of isHeld ? TABLES : (['filter'] as const)) {
      try {
        looks.push(await this.readTable(family, name, counts));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        failed.set(name, error);
        if (name === 'mangle') this.#assessed.seeGates(family, undefined, error.why);
      }
    }
    if (!isHeld) {
      tables.passOver(family, 'mangle');
      this.#assessed.seeGates(family, undefined, undefined);
    }
    if (failed.size === 0) keeping.counted(family, counts);
    return { looks, failed };
  }

  /** None where the table cannot be read, or sleeps: what is not known to shut does not. */
  async wholeGates(family: Family, sleeping: Sleeping): Promise<readonly string[]> {
    try {
      const look = await this.readTable(family, 'mangle');
      if (sleeping(family, 'mangle') !== undefined) return [];
      const gates = inTable(this.#parts.wanted().services(family), 'mangle');
      const right = gates.map((gate) => this.judge(family, gate, look)).filter(isWhole);
      return right.map(({ service }) => service);
    } catch (error) {
      if (error instanceof Unreadable) return [];
      throw error;
    }
  }

  /** To look at a table that is not there may make it: only what is wanted there is a reason. */
  async #mayHold(family: Family, name: TableName): Promise<boolean> {
    const { services, doors } = this.#parts.wanted();
    if (inTable([...services(family), doors.rules(family)], name).length > 0) return true;
    if (this.#spared.has(family)) return false;
    if (await this.#parts.tables.exists(family, name)) return true;
    this.spare(family); // nothing of ours is in a table that is not there
    return false;
  }

  async readTable(family: Family, name: TableName, counts?: Map<string, number>): Promise<Look> {
    const { tables, wanted } = this.#parts;
    const { services, doors, drop } = wanted();
    const desired = inTable([...services(family), doors.rules(family)], name);
    const gates = name === 'mangle' ? this.names.map(standardGate) : [];
    const chains = new Set([...chainsOf([...desired, ...gates]), ...drop]);
    const actual = await tables.read(family, this.#isOurs, {
      counts: counts ?? new Map(),
      chains,
      table: name,
    });
    const unread = tables.unreadIn(name).get(family);
    if (name === 'filter') this.#assessed.see(family, actual, unread);
    else this.#assessed.seeGates(family, actual, unread);
    return { name, actual, table: findTable(actual, name) };
  }

  /** What is in force, for a time when no save tells it: with the jumps alone it is all of it. */
  async learn(family: Family, { name, actual }: Look, jump: boolean): Promise<void> {
    if (jump) await this.#parts.tables.learn(family, actual, this.#isOurs, name);
  }

  /** Tells lines, and chains, that concern us. */
  get #isOurs(): (line: string) => boolean {
    return isOurs(this.names, this.#parts.doorSets.instances);
  }

  judge(family: Family, service: DesiredService, { name, actual, table }: Look): RuleStatus {
    const same = this.canonical.same(family);
    const options = { jump: false, hook: this.hook(name), same, table: name };
    const chains = planApply([service], actual, options).text === '';
    const seen = judgeJumps(service, table, same);
    return { ...seen, family, chains, whole: chains && seen.jump ? [name] : [] };
  }

  hook(name: TableName): 'first' | 'last' {
    return name === 'mangle' ? 'first' : this.#parts.settings.hook;
  }
}

function isWhole({ chains, jump }: RuleStatus): boolean {
  return chains && jump;
}
