import type { Family } from '../../base/address.js';
import type { Ruleset, TableLine } from '../../iptables-parser/document.js';
import type { Door } from '../../knock/door.js';
import { assess, type Context, type Exposure } from './assess.js';
import type { Found, Problem } from './all-tables.js';
import { assessElsewhere, type AllTables } from './elsewhere.js';
import { keptFromDoors } from './knocks.js';
import { assessLeftOut } from './left-out.js';
import { assessNative, NO_NATIVE } from './native.js';

/** What rules are judged by, beside themselves. */
interface Setting extends Omit<Context, 'family'> {
  /** The families that are protected. */
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

/** The rules as they were last read, and what was found in them: judged again only if they have changed. */
export class Assessed {
  readonly #seen = new Map<Family, Ruleset>();
  readonly #gates = new Map<Family, Ruleset>();
  readonly #unreadGates = new Map<Family, string>();
  #elsewhere: Found = { tables: [], problems: [], served: [] };
  #last: { readonly parts: readonly unknown[]; readonly exposures: readonly Exposure[] } | undefined;
  readonly #judged = new Map<Family, Judged>();
  /** Families whose filter table cannot be read whole: why. */
  #unread: ReadonlyMap<Family, string> = new Map();

  /** The filter table of a family, as it is now; `unread`: why what was read holds our own rules alone. */
  see(family: Family, ruleset: Ruleset, unread: string | undefined): void {
    this.#unread = new Map([...this.#unread].filter(([other]) => other !== family));
    if (unread === undefined) this.#seen.set(family, ruleset);
    else {
      this.#seen.delete(family);
      this.#unread = new Map([...this.#unread, [family, unread]]);
    }
  }

  /** The table mangle of a family, as it is now; undefined: nothing of ours is to be in it. */
  seeGates(family: Family, ruleset: Ruleset | undefined, unread: string | undefined): void {
    if (ruleset === undefined) this.#gates.delete(family);
    else this.#gates.set(family, ruleset);
    if (unread === undefined) this.#unreadGates.delete(family);
    else this.#unreadGates.set(family, unread);
  }

  /** All tables of both back ends, as they are now. */
  seeElsewhere(found: Found): void {
    this.#elsewhere = found;
  }

  /** They could not be read in time: what was found before may be true no more, and something may have been added. */
  elsewhereLate(): void {
    this.#elsewhere = {
      ...this.#elsewhere,
      problems: [{ text: 'tables besides filter were not read in time' }],
    };
  }

  /** Costs next to nothing where nothing was read since the last time: each heartbeat asks. */
  exposures(setting: Setting): readonly Exposure[] {
    const parts = [
      JSON.stringify([setting, setting.families.map(setting.doors)]),
      this.#elsewhere,
      JSON.stringify([[...this.#unread], [...this.#unreadGates]]),
      ...this.#seen.values(),
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
    const { tables, problems, served, native = NO_NATIVE } = this.#elsewhere;
    const isOurs = ({ family }: AllTables): boolean => setting.families.includes(family);
    return [
      ...this.#inFilter(setting),
      ...assessElsewhere(tables.filter(isOurs), setting),
      ...assessNative(native, tables, setting),
      ...assessLeftOut(
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
    return [...this.#seen].flatMap(([family, ruleset]) => {
      const doors = setting.doors(family);
      const key = JSON.stringify([setting, doors]);
      const before = this.#judged.get(family);
      const gates = this.#gates.get(family);
      if (before?.key === key && isSame(before.ruleset, ruleset) && isSameOrNone(before.gates, gates))
        return before.exposures;
      const context: Context = { ...setting, family };
      const met = assess(ruleset, context, gates);
      // A rule that decides about the service as well is told once.
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

/** Whether two readings hold the same rules, whatever their counters and time stamps. */
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
