import type { Family } from '../../base/address.js';
import type { Ruleset, TableLine } from '../../iptables-parser/types.js';
import type { Door } from '../../knock/door.js';
import { assess, type Context, type Exposure } from './assess.js';
import { keptFromDoors } from './knocks.js';

/** What rules are judged by, beside themselves. */
export interface Setting extends Omit<Context, 'family'> {
  /** The doors that the kernel opens in a family. */
  readonly doors: (family: Family) => readonly Door[];
}

interface Judged {
  readonly key: string;
  readonly ruleset: Ruleset;
  readonly exposures: readonly Exposure[];
}

/** The rules as they were last read, and what was found in them: judged again only if they have changed. */
export class Assessed {
  readonly #seen = new Map<Family, Ruleset>();
  readonly #judged = new Map<Family, Judged>();

  /** The filter table of a family, as it is now. */
  see(family: Family, ruleset: Ruleset): void {
    this.#seen.set(family, ruleset);
  }

  exposures(setting: Setting): readonly Exposure[] {
    return [...this.#seen].flatMap(([family, ruleset]) => {
      const doors = setting.doors(family);
      const key = JSON.stringify([setting, doors]);
      const before = this.#judged.get(family);
      if (before?.key === key && isSame(before.ruleset, ruleset)) return before.exposures;
      const context: Context = { ...setting, family };
      const exposures = [...assess(ruleset, context), ...keptFromDoors(ruleset, doors, context)];
      this.#judged.set(family, { key, ruleset, exposures });
      return exposures;
    });
  }
}

/** Whether two readings hold the same rules, whatever their counters and time stamps. */
function isSame(one: Ruleset, other: Ruleset): boolean {
  if (one === other) return true;
  const [lines, others] = [linesOf(one), linesOf(other)];
  return (
    lines.length === others.length && lines.every((line, index) => textOf(line) === textOf(others[index] ?? line))
  );
}

function linesOf({ entries }: Ruleset): readonly TableLine[] {
  return entries.flatMap((entry) => (entry.kind === 'table' ? entry.lines : []));
}

function textOf(line: TableLine): string {
  if (line.kind === 'remark') return '';
  return line.kind === 'chain' ? `${line.name} ${line.policy}` : line.text;
}
