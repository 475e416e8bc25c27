import { chains, findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { isOurs } from './ours.js';
import { matching, type Wanted } from './reach.js';

/** Whom rules of others let in to a port, as far as they say it themselves. */
export interface LetIn {
  /** Networks that a rule accepts from, as iptables-save prints them. */
  readonly sources: readonly string[];
  /** Rules that accept from some who are told by something else: an interface, a set, a source that is excepted. */
  readonly others: readonly string[];
  /** The rule that accepts from all who are left. */
  readonly everybody: string | undefined;
}

/** Deeper than any sane ruleset, and iptables refuses loops. */
const MAX_DEPTH = 32;
/** What is wider is as good as everybody: `accept` and `trust` refuse it too. */
const WIDEST = { 4: 8, 6: 32 } as const;

/**
 * Whom the rules of a chain of filter, ours left out, let in to a port. `front`: only by what stands in front of our first
 * rule there, which is nothing where there is none of ours.
 */
export function letIn(
  ruleset: Ruleset | undefined,
  chain: string,
  wanted: Wanted,
  front: 'all' | 'front' = 'all',
): LetIn {
  const found = { sources: new Set<string>(), others: new Set<string>() };
  const table = ruleset && findTable(ruleset, 'filter');
  if (table === undefined) return { sources: [], others: [], everybody: undefined };
  const all = rulesOf(table, chain);
  const rules =
    front === 'all'
      ? all
      : all.slice(
          0,
          Math.max(
            0,
            all.findIndex((rule) => isOurs(rule)),
          ),
        );
  const end = follow(table, rules, wanted, { source: undefined, isWhole: true, depth: 0 }, found);
  return {
    sources: [...found.sources],
    others: [...found.others],
    everybody: typeof end === 'string' ? end : undefined,
  };
}

/** How a packet came to a chain: from which network, where a rule on the way asked, and whether all such packets do. */
interface Way {
  readonly source: string | undefined;
  readonly isWhole: boolean;
  readonly depth: number;
}

interface Found {
  readonly sources: Set<string>;
  readonly others: Set<string>;
}

/** Gives the rule that accepts all who are left, or `refused` where one refuses them; undefined where they go on. */
function follow(
  table: Table,
  rules: readonly Rule[],
  wanted: Wanted,
  way: Way,
  found: Found,
): string | { readonly refused: true } | undefined {
  if (way.depth > MAX_DEPTH) return undefined;
  for (const rule of rules) {
    if (rule.target === undefined || isOurs(rule)) continue;
    const share = matching(rule, wanted, 'from anywhere');
    if (share === 'none') continue;
    const isPlain = rule.source?.negated !== true && share === 'all' && way.isWhole;
    const source = rule.source?.value ?? way.source;
    const isForAll = source === undefined && isPlain;
    const { name, by } = rule.target;
    if (name === 'ACCEPT') {
      if (isForAll) return rule.text;
      if (isPlain && source !== undefined && isNarrow(source)) found.sources.add(source);
      else found.others.add(rule.text);
    } else if (['DROP', 'REJECT', 'TARPIT'].includes(name)) {
      if (isForAll) return { refused: true };
    } else if (name === 'RETURN') {
      if (isForAll) return undefined;
    } else if (chains(table).some((chain) => chain.name === name)) {
      const next = { source, isWhole: isPlain, depth: way.depth + 1 };
      const end = follow(table, rulesOf(table, name), wanted, next, found);
      if (isForAll && (end !== undefined || by === 'goto')) return end;
    }
  }
  return undefined;
}

function isNarrow(source: string): boolean {
  const [address = '', length] = source.split('/');
  const family = address.includes(':') ? 6 : 4;
  return length === undefined || Number(length) >= WIDEST[family];
}
