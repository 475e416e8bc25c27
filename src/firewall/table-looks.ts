import type { Family } from '../base/address.js';
import { findTable } from '../iptables-parser/query.js';
import type { Ruleset, Table } from '../iptables-parser/document.js';
import type { KernelDoorSets } from './doors/door-sets.js';
import type { KernelDoors } from './doors/kernel-doors.js';
import { readAllTables } from './exposure/all-tables.js';
import { ExposureCache } from './exposure/assessed.js';
import type { Exposure } from './exposure/assess.js';
import { judgeJumps, type RuleStatus } from './rules/rule-status.js';
import { chainsOf, isOurs, standardGate } from './rules/known-chains.js';
import { planApply } from './rules/plan.js';
import { CanonicalRules } from './rules/canonical-rules.js';
import type { Orphans } from './ownership/orphans.js';
import type { Service } from './model/service.js';
import type { RuleSettings } from './model/rule-settings.js';
import { inTable, TABLES, type TableName } from './model/table-name.js';
import type { Dormancy, Tables } from './rules/tables.js';
import type { DesiredService } from './rules/template.js';
import { Unreadable } from './rules/unread.js';

/** The desired state. */
interface Wanted {
  readonly services: (family: Family) => readonly DesiredService[];
  /** The names of the services. */
  readonly names: readonly string[];
  readonly doors: KernelDoors;
  /** Chains of knockctl that must be removed. */
  readonly drop: readonly string[];
}

export interface RulesParts {
  readonly tables: Tables;
  readonly settings: RuleSettings;
  readonly doorSets: KernelDoorSets;
  readonly orphans: Orphans;
  readonly wanted: () => Wanted;
  /** The services whose ports are protected. */
  readonly services: () => readonly Service[];
}

/** The content of a table. */
export interface TableContent {
  readonly name: TableName;
  readonly actual: Ruleset;
  readonly table: Table | undefined;
}

/** Reads the tables that may hold knockctl's rules, one family at a time, and judges their state. */
export class TableReader {
  readonly #parts: RulesParts;
  readonly #assessed = new ExposureCache();
  /** Families whose table mangle has none of knockctl's rules and should have none: it need not be read. */
  readonly #unused = new Set<Family>();
  /** The form in which the kernel prints knockctl's rules. */
  readonly canonical = new CanonicalRules();

  constructor(parts: RulesParts) {
    this.#parts = parts;
  }

  /** Foreign rules that decide about the services before knockctl's jumps, as last read. */
  get exposures(): readonly Exposure[] {
    const { tables, settings, doorSets, services, wanted } = this.#parts;
    return this.#assessed.exposures({
      services: services(),
      backend: tables.backend.name,
      instances: doorSets.instances,
      hook: settings.hook,
      families: settings.families,
      doors: (family) => [...wanted().doors.openings(family).values()],
    });
  }

  /** Reads the tables besides filter, and the other back end. */
  async checkOtherTables(): Promise<void> {
    this.#assessed.setOtherTables(await readAllTables(this.#parts.tables));
  }

  /** See Firewall.otherTablesLate. */
  otherTablesLate(): void {
    this.#assessed.markOtherTablesLate();
  }

  /** Desired services, and those that may have left something. */
  get names(): readonly string[] {
    const { names } = this.#parts.wanted();
    return [...names, ...this.#parts.orphans.services(names)];
  }

  /** Marks a family whose table mangle holds none of knockctl's rules and should hold none. */
  markUnused(family: Family): void {
    this.#unused.add(family);
  }

  /** Marks every table as one that may hold knockctl's rules, even if none are desired there. */
  invalidate(): void {
    this.#unused.clear();
  }

  /** Reads the tables that may hold knockctl's rules; `failed`: why a table cannot be read by any means. */
  async readTables(family: Family): Promise<{
    readonly contents: readonly TableContent[];
    readonly failed: ReadonlyMap<TableName, Unreadable>;
  }> {
    const { tables, doorSets } = this.#parts;
    const isHeld = await this.#mayHold(family, 'mangle');
    const contents: TableContent[] = [];
    const failed = new Map<TableName, Unreadable>();
    const counts = new Map<string, number>();
    for (const name of isHeld ? TABLES : (['filter'] as const)) {
      try {
        contents.push(await this.readTable(family, name, counts));
      } catch (error) {
        if (!(error instanceof Unreadable)) throw error;
        failed.set(name, error);
        if (name === 'mangle') this.#assessed.setGates(family, undefined, error.why);
      }
    }
    if (!isHeld) {
      tables.forgetReadFailure(family, 'mangle');
      this.#assessed.setGates(family, undefined, undefined);
    }
    if (failed.size === 0) doorSets.storeCounts(family, counts);
    return { contents, failed };
  }

  /**
   * Returns the services with a whole gate; empty if the table cannot be read or is dormant, because then protection is
   * not certain.
   */
  async wholeGates(family: Family, sleeping: Dormancy): Promise<readonly string[]> {
    try {
      const content = await this.readTable(family, 'mangle');
      if (sleeping(family, 'mangle') !== undefined) return [];
      const gates = inTable(this.#parts.wanted().services(family), 'mangle');
      const right = gates.map((gate) => this.judge(family, gate, content)).filter(isWhole);
      return right.map(({ service }) => service);
    } catch (error) {
      if (error instanceof Unreadable) return [];
      throw error;
    }
  }

  /** Whether a table may hold knockctl's rules. Reading a missing table may create it, so it is read only if needed. */
  async #mayHold(family: Family, name: TableName): Promise<boolean> {
    const { services, doors } = this.#parts.wanted();
    if (inTable([...services(family), doors.rules(family)], name).length > 0) return true;
    if (this.#unused.has(family)) return false;
    if (await this.#parts.tables.exists(family, name)) return true;
    this.markUnused(family); // a missing table holds no rules
    return false;
  }

  async readTable(family: Family, name: TableName, counts?: Map<string, number>): Promise<TableContent> {
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
    if (name === 'filter') this.#assessed.setFilter(family, actual, unread);
    else this.#assessed.setGates(family, actual, unread);
    return { name, actual, table: findTable(actual, name) };
  }

  /**
   * Passes the rules in force to the fallback reader, for a time when saves fail; only if they are complete, jumps
   * included.
   */
  async learn(family: Family, { name, actual }: TableContent, jump: boolean): Promise<void> {
    if (jump) await this.#parts.tables.learn(family, actual, this.#isOurs, name);
  }

  /** Recognises lines and chains that concern knockctl. */
  get #isOurs(): (line: string) => boolean {
    return isOurs(this.names, this.#parts.doorSets.instances);
  }

  judge(family: Family, service: DesiredService, { name, actual, table }: TableContent): RuleStatus {
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
