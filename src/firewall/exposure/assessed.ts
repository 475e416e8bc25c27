import type { Family } from '../../base/address.js';
import type { Ruleset, TableLine } from '../../iptables-parser/document.js';
import type { Door } from '../../knock/door.js';
import { assess, type Context, type Exposure } from './assess.js';
import type { Found, Problem } from './all-tables.js';
import { assessElsewhere, type AllTables } from './elsewhere.js';
import { keptFromDoors } from './knocks.js';
import { assessUnprotected } from './left-out.js';
import { assessNative, NO_NATIVE } from './native.js';

/** The settings by which rules are judged. */
interface Setting extends Omit<Context, 'family'> {
  /** The protected families. */
  readonly families: readonly Family[];
  /** The doors that the kernel opens in a family. */
  readonly doors: (family: Family) => readonly Door[];
}

interface Judged {
  readonly key: string;
  readonly ruleset: Ruleset;
  readonly gates: Ruleset | undefined;
  readonly exposures: readonly Exposure[];
}

/** Caches the rules as last read and their assessment; judges again only if they have changed. */
export class ExposureCache {
  readonly #filters = new Map<Family, Ruleset>();
  readonly #gates = new Map<Family, Ruleset>();
  readonly #unreadGates = new Map<Family, string>();
  #otherTables: Found = { tables: [], problems: [], served: [] };
  #last: { readonly parts: readonly unknown[]; readonly exposures: readonly Exposure[] } | undefined;
  readonly #judged = new Map<Family, Judged>();
  /** Families whose filter table cannot be read completely, and why. */
  #unread: ReadonlyMap<Family, string> = new Map();

  /** Stores the filter table of a family; `unread`: why it holds knockctl's rules only. */
  setFilter(family: Family, ruleset: Ruleset, unread: string | undefined): void {
    this.#unread = new Map([...this.#unread].filter(([other]) => other !== family));
    if (unread === undefined) this.#filters.set(family, ruleset);
    else {
      this.#filters.delete(family);
      this.#unread = new Map([...this.#unread, [family, unread]]);
    }
  }

  /** Stores the table mangle of a family; undefined: knockctl needs nothing there. */
  setGates(family: Family, ruleset: Ruleset | undefined, unread: string | undefined): void {
    if (ruleset === undefined) this.#gates.delete(family);
    else this.#gates.set(family, ruleset);
    if (unread === undefined) this.#unreadGates.delete(family);
    else this.#unreadGates.set(family, unread);
  }

  /** Stores all tables of both back ends. */
  setOtherTables(found: Found): void {
    this.#otherTables = found;
  }

  /** Marks the other tables as not read in time: earlier findings may be outdated, and new ones may be missing. */
  markOtherTablesLate(): void {
    this.#otherTables = {
      ...this.#otherTables,
      problems: [{ text: 'tables besides filter were not read in time' }],
    };
  }

  /** Returns the exposures. Almost free if nothing was read since the last call: every heartbeat calls it. */
  exposures(setting: Setting): readonly Exposure[] {
    const parts = [
      JSON.stringify([setting, setting.families.map(setting.doors)]),
      this.#otherTables,
      JSON.stringify([[...this.#unread], [...this.#unreadGates]]),
      ...this.#filters.values(),
      ...this.#gates.values(),
    ];
    const last = this.#last;
    if (last?.parts.length === parts.length && parts.every((part, index) => part === last.parts[index]))
      return last.exposures;
    const exposures = this.#judge(setting);
    this.#last = { parts, exposures };
    return exposures;
  }

  #judge(setting: Setting): readonly Exposure[] {
    const { tables, problems, served, native = NO_NATIVE } = this.#otherTables;
    const isOurs = ({ family }: AllTables): boolean => setting.families.includes(family);
    return [
      ...this.#inFilter(setting),
      ...assessElsewhere(tables.filter(isOurs), setting),
      ...assessNative(native, tables, setting),
      ...assessUnprotected(
        tables.filter((one) => !isOurs(one)),
        served,
        setting,
      ),
      ...[...this.#unread].map(([family, why]) =>
        unreadable({ family, text: `IPv${family} filter: ${why}` }),
      ),
      ...[...this.#unreadGates].map(([family, why]) =>
        unreadable({ family, text: `IPv${family} mangle: ${why}` }),
      ),
      ...problems.map(unreadable),
    ];
  }

  #inFilter(setting: Setting): Exposure[] {
    return [...this.#filters].flatMap(([family, ruleset]) => {
      const doors = setting.doors(family);
      const key = JSON.stringify([setting, doors]);
      const before = this.#judged.get(family);
      const gates = this.#gates.get(family);
      if (before?.key === key && isSame(before.ruleset, ruleset) && isSameOrNone(before.gates, gates))
        return before.exposures;
      const context: Context = { ...setting, family };
      const met = assess(ruleset, context, gates);
      // A rule that also decides about the service is reported once.
      const isNew = (one: Exposure): boolean =>
        !met.some(
          ({ table, chain, number }) => table === one.table && chain === one.chain && number === one.number,
        );
      const kept = [
        ...keptFromDoors(ruleset, doors, context),
        ...(gates === undefined ? [] : keptFromDoors(gates, doors, context, 'mangle')),
      ];
      const exposures = [...met, ...kept.filter(isNew)];
      this.#judged.set(family, { key, ruleset, gates, exposures });
      return exposures;
    });
  }
}

/** Whether two readings hold the same rules, ignoring counters and timestamps. */
function isSame(one: Ruleset, other: Ruleset): boolean {
  if (one === other) return true;
  const [lines, others] = [linesOf(one), linesOf(other)];
  return (
    lines.length === others.length &&
    lines.every((line, index) => textOf(line) === textOf(others[index] ?? line))
  );
}

function isSameOrNone(one: Ruleset | undefined, other: Ruleset | undefined): boolean {
  return one === undefined || other === undefined ? one === other : isSame(one, other);
}

function linesOf({ entries }: Ruleset): readonly TableLine[] {
  return entries.flatMap((entry) => (entry.kind === 'table' ? entry.lines : []));
}

function textOf(line: TableLine): string {
  if (line.kind === 'remark') return '';
  return line.kind === 'chain' ? `${line.name} ${line.policy}` : line.text;
}

function unreadable({ family = 4, text }: Problem): Exposure {
  const nowhere = { service: null, table: '', chain: null, number: null, rule: null, fix: null } as const;
  return { ...nowhere, kind: 'unknown', family, ports: [], sources: 'everybody', text: `${text}: unknown` };
}
