import { formatCounters } from './rule.js';
import type { Counters } from './types.js';
import type { Chain, Remark, Ruleset, Table, TableLine } from './document.js';

const ZERO: Counters = { packets: 0n, bytes: 0n };

/** A chain line; `policy` is `-` for a chain of one's own. */
export function makeChain(name: string, policy = '-', counters: Counters = ZERO): Chain {
  return { kind: 'chain', text: `:${name} ${policy} ${formatCounters(counters)}`, name, policy, counters };
}

/** A comment line. Line breaks in `text` become blanks. */
export function makeRemark(text: string): Remark {
  return { kind: 'remark', text: `# ${text.replace(/[\r\n\0]+/g, ' ')}` };
}

/** A table with its lines, `COMMIT` not among them. */
export function makeTable(name: string, lines: readonly TableLine[]): Table {
  return { kind: 'table', name, lines };
}

/** A ruleset that ends in a line break, as iptables-restore wants it. */
export function makeRuleset(entries: readonly (Remark | Table)[]): Ruleset {
  return { entries, finalNewline: true };
}
