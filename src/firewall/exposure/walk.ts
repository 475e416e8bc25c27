/** Follows new connections through a table: which rule decides about which packets. Pure. */
import { chains, commands } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Table } from '../../iptables-parser/document.js';
import { boundingBox, split, type Box, type Condition } from './box.js';
import { conditionsOf } from './conditions.js';
import type { NewConnection } from './newcomer.js';

/** A rule and its place; `number` as in `iptables -L --line-numbers`. */
export interface Place {
  readonly chain: string;
  readonly number: number;
  readonly rule: Rule;
}

/** How some packets end. `path`: the rules that led there, the deciding one last; empty: the chain's policy. */
export interface Outcome<End extends string> {
  readonly end: End | 'unknown';
  readonly path: readonly Place[];
  readonly box: Box;
}

/**
 * What a rule does to the packets that it matches: an end, `continue` with the next rule, or `return`; undefined if its
 * target is a chain to follow.
 */
export type Verdict<End extends string> = (rule: Rule) => End | 'unknown' | 'continue' | 'return' | undefined;

/** Deeper than any sane ruleset; iptables refuses loops. */
const MAX_DEPTH = 40;
/** The maximum number of boxes; beyond it they are merged, which may overstate what gets through. */
const MAX_BOXES = 64;

/** Returns how packets that enter a chain end. `policy` maps the chain's policy to an end. */
export function walk<End extends string>(
  table: Table,
  chain: string,
  boxes: readonly Box[],
  newcomer: NewConnection,
  verdict: Verdict<End>,
  policy: (policy: string) => End,
): Outcome<End>[] {
  const walker = new Walker(table, newcomer, verdict);
  const left = walker.through(chain, boxes, []);
  const own = chains(table).find(({ name }) => name === chain)?.policy ?? 'ACCEPT';
  for (const box of left) walker.outcomes.push({ end: policy(own), path: [], box });
  return walker.outcomes;
}

class Walker<End extends string> {
  readonly outcomes: Outcome<End>[] = [];
  readonly #newcomer: NewConnection;
  readonly #verdict: Verdict<End>;
  readonly #chains: ReadonlySet<string>;
  readonly #rules: ReadonlyMap<string, readonly Rule[]>;

  constructor(table: Table, newcomer: NewConnection, verdict: Verdict<End>) {
    this.#newcomer = newcomer;
    this.#verdict = verdict;
    this.#chains = new Set(chains(table).map(({ name }) => name));
    this.#rules = byChain(table);
  }

  /** Returns the boxes that return from a chain: the given ones if no rule removed anything. */
  through(chain: string, boxes: readonly Box[], path: readonly Place[]): readonly Box[] {
    const before = this.outcomes.length;
    let current = boxes;
    const returned: Box[] = [];
    for (const [index, rule] of (this.#rules.get(chain) ?? []).entries()) {
      if (current.length === 0) break;
      const verdict = this.#verdict(rule);
      if (verdict === 'continue' || rule.target === undefined) continue;
      const all = conditionsOf(rule, this.#newcomer);
      // During a trial, each of two jumps matches a set that selects its version: together they match all packets.
      const conditions = verdict === 'ours' ? all.filter((one) => !isUnknown(one)) : all;
      const parts = current.map((box) => split(box, conditions));
      const matched = parts.flatMap((part) => (part.matched === undefined ? [] : [part.matched]));
      if (matched.length === 0) continue;
      const rest = parts.flatMap((part) => part.rest);
      const here = [...path, { chain, number: index + 1, rule }];
      const back = this.#apply(verdict, rule, matched, here);
      if (back.how === 'untouched') continue;
      if (back.how === 'returned') returned.push(...back.boxes);
      current = bounded(back.how === 'returned' ? rest : [...rest, ...back.boxes]);
    }
    return this.outcomes.length === before ? boxes : bounded([...returned, ...current]);
  }

  /** `untouched`: all packets continue with the next rule, as if this one did not exist. */
  #apply(
    verdict: ReturnType<Verdict<End>>,
    rule: Rule,
    matched: readonly Box[],
    path: readonly Place[],
  ): { readonly how: 'untouched' | 'returned' | 'on'; readonly boxes: readonly Box[] } {
    const name = rule.target?.name ?? '';
    if (verdict === 'return') return { how: 'returned', boxes: matched };
    if (verdict === undefined && this.#chains.has(name) && path.length < MAX_DEPTH) {
      const boxes = this.through(name, matched, path);
      if (rule.target?.by === 'goto') return { how: 'returned', boxes };
      return boxes === matched ? { how: 'untouched', boxes } : { how: 'on', boxes };
    }
    const end = verdict === undefined || verdict === 'continue' ? 'unknown' : verdict;
    for (const box of matched) this.outcomes.push({ end, path, box });
    // Packets that an unknown target lets through continue.
    return { how: 'on', boxes: verdict === undefined ? matched : [] };
  }
}

const INDEXES = new WeakMap<Table, ReadonlyMap<string, readonly Rule[]>>();

/** Returns the rules of each chain; computed once for a table, which is walked for each port. */
export function byChain(table: Table): ReadonlyMap<string, readonly Rule[]> {
  const known = INDEXES.get(table);
  if (known !== undefined) return known;
  const index = new Map<string, Rule[]>();
  for (const rule of commands(table)) {
    if (rule.command !== 'append' || rule.chain === undefined) continue;
    const rules = index.get(rule.chain);
    if (rules === undefined) index.set(rule.chain, [rule]);
    else rules.push(rule);
  }
  INDEXES.set(table, index);
  return index;
}

function isUnknown(condition: Condition): boolean {
  return condition.kind === 'doubt' && condition.matched === 'unknown';
}

function bounded(boxes: readonly Box[]): readonly Box[] {
  if (boxes.length <= MAX_BOXES) return boxes;
  const one = boundingBox(boxes);
  return one === undefined ? [] : [one];
}
