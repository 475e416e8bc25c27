/** Follows new connections through a table: which rule decides about whom. Pure. */
import { chains, commands } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Table } from '../../iptables-parser/document.js';
import { around, split, type Box, type Condition } from './box.js';
import { conditionsOf } from './conditions.js';
import type { Newcomer } from './newcomer.js';

/** A rule, and where it stands: `number` as `iptables -L --line-numbers` counts. */
export interface Place {
  readonly chain: string;
  readonly number: number;
  readonly rule: Rule;
}

/** What becomes of some packets. `path`: the rules that led there, the deciding one last; none: the policy of the chain. */
export interface Outcome<End extends string> {
  readonly end: End | 'unknown';
  readonly path: readonly Place[];
  readonly box: Box;
}

/**
 * What a rule does to the packets that it matches: an end of its own, `continue` with the next rule, `return`; undefined
 * where its target is a chain to be followed.
 */
export type Verdict<End extends string> = (rule: Rule) => End | 'unknown' | 'continue' | 'return' | undefined;

/** Deeper than any sane ruleset, and iptables refuses loops. */
const MAX_DEPTH = 40;
/** So many kinds of packets are told apart; beyond, they are looked at together, and more is said to get through than does. */
const MAX_BOXES = 64;

/** Where packets that begin in a chain end. Those that no rule decides about are what `policy` says. */
export function walk<End extends string>(
  table: Table,
  chain: string,
  boxes: readonly Box[],
  newcomer: Newcomer,
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
  readonly #newcomer: Newcomer;
  readonly #verdict: Verdict<End>;
  readonly #chains: ReadonlySet<string>;
  readonly #rules: ReadonlyMap<string, readonly Rule[]>;

  constructor(table: Table, newcomer: Newcomer, verdict: Verdict<End>) {
    this.#newcomer = newcomer;
    this.#verdict = verdict;
    this.#chains = new Set(chains(table).map(({ name }) => name));
    this.#rules = byChain(table);
  }

  /** What comes back from a chain. The boxes given, where no rule of it took anything out. */
  through(chain: string, boxes: readonly Box[], path: readonly Place[]): readonly Box[] {
    const before = this.outcomes.length;
    let current = boxes;
    const returned: Box[] = [];
    for (const [index, rule] of (this.#rules.get(chain) ?? []).entries()) {
      if (current.length === 0) break;
      const verdict = this.#verdict(rule);
      if (verdict === 'continue' || rule.target === undefined) continue;
      const all = conditionsOf(rule, this.#newcomer);
      // Jumps of ours that a trial divides between two versions have a set that says which one: together they take all.
      const conditions = verdict === 'ours' ? all.filter((one) => !isUnknown(one)) : all;
      const parts = current.map((box) => split(box, conditions));
      const matched = parts.flatMap((part) => (part.matched === undefined ? [] : [part.matched]));
      if (matched.length === 0) continue;
      const rest = parts.flatMap((part) => part.rest);
      const here = [...path, { chain, number: index + 1, rule }];
      const back = this.#meet(verdict, rule, matched, here);
      if (back.how === 'untouched') continue;
      if (back.how === 'returned') returned.push(...back.boxes);
      current = bounded(back.how === 'returned' ? rest : [...rest, ...back.boxes]);
    }
    return this.outcomes.length === before ? boxes : bounded([...returned, ...current]);
  }

  /** `untouched`: all goes on with the next rule, as if this one were not there. */
  #meet(
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
    // What a target that we do not know lets through goes on.
    return { how: 'on', boxes: verdict === undefined ? matched : [] };
  }
}

const INDEXES = new WeakMap<Table, ReadonlyMap<string, readonly Rule[]>>();

/** The rules of each chain; found once for a table, which is walked through for each port. */
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
  const one = around(boxes);
  return one === undefined ? [] : [one];
}
