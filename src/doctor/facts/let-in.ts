import { chains, findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { isOurs } from './ours.js';
import { matching, type Wanted } from './reach.js';

/** The sources that foreign rules accept at a port. */
export interface Accepted {
  /** Accepted networks, as iptables-save prints them. */
  readonly sources: readonly string[];
  /** Rules that accept by another criterion: an interface, a set, an excluded source. */
  readonly others: readonly string[];
  /** The rule that accepts everybody else. */
  readonly everybody: string | undefined;
}

/** Deeper than any sane ruleset; iptables refuses loops. */
const MAX_DEPTH = 32;
/** Wider networks count as everybody: `accept` and `trust` refuse them too. */
const WIDEST = { 4: 8, 6: 32 } as const;

/**
 * Returns the sources that a chain of filter accepts at a port, without knockctl's rules. `front`: only by rules before
 * knockctl's first one; none if knockctl has no rule there.
 */
export function acceptedAt(
  ruleset: Ruleset | undefined,
  chain: string,
  wanted: Wanted,
  front: 'all' | 'front' = 'all',
): Accepted {
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

/**
 * How packets reach a chain: from which network, if a rule on the path restricts it, and whether all such packets do.
 */
interface PathSoFar {
  readonly source: string | undefined;
  readonly isWhole: boolean;
  readonly depth: number;
}

interface Found {
  readonly sources: Set<string>;
  readonly others: Set<string>;
}

/**
 * Returns the rule that accepts all remaining packets, or `refused` if a rule drops them; undefined if they continue.
 */
function follow(
  table: Table,
  rules: readonly Rule[],
  wanted: Wanted,
  way: PathSoFar,
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
