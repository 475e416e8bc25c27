import { formatCounters } from './rule.js';
import type { Counters } from './types.js';
import type { Chain, Remark, Ruleset, Table, TableLine } from './document.js';

const ZERO: Counters = { packets: 0n, bytes: 0n };

/** Builds a chain line; `policy` is `-` for a user-defined chain. */
export function makeChain(name: string, policy = '-', counters: Counters = ZERO): Chain {
  return { kind: 'chain', text: `:${name} ${policy} ${formatCounters(counters)}`, name, policy, counters };
}

/** Builds a comment line. Line breaks in `text` become blanks. */
export function makeRemark(text: string): Remark {
  return { kind: 'remark', text: `# ${text.replace(/[\r\n\0]+/g, ' ')}` };
}

/** Builds a table from its lines, without `COMMIT`. */
export function makeTable(name: string, lines: readonly TableLine[]): Table {
  return { kind: 'table', name, lines };
}

/** Builds a ruleset that ends in a line break, as iptables-restore requires. */
export function makeRuleset(entries: readonly (Remark | Table)[]): Ruleset {
  return { entries, finalNewline: true };
}
