/** The base chains of nft, and how new connections pass through them. Pure. */
import type { Family } from '../../base/address.js';
import { dormantTables, isObject, type NftObject } from '../rules/nft-listing.js';
import { split, type Box, type Condition } from './box.js';
import type { Newcomer } from './newcomer.js';
import { fieldCondition, matchCondition, statementCondition, UNKNOWN } from './nft-conditions.js';

/** A rule of nft, by what nft deletes it by. */
export interface NftRule {
  /** `inet mine`. */
  readonly table: string;
  readonly chain: string;
  readonly handle: number;
  readonly statements: readonly NftObject[];
}

export interface BaseChain {
  readonly families: readonly Family[];
  readonly table: string;
  readonly name: string;
  readonly type: string;
  readonly hook: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** It sees packets of one interface alone; nft 1.0.6 does not say of which. */
  readonly ofDevice: boolean;
}

export interface NftRuleset {
  readonly chains: readonly BaseChain[];
  /** By `TABLE CHAIN`. */
  readonly rules: ReadonlyMap<string, readonly NftRule[]>;
}

const FAMILIES: Readonly<Record<string, readonly Family[]>> = {
  inet: [4, 6],
  ip: [4],
  ip6: [6],
  netdev: [4, 6],
};

/** Reads the list of `nft -j list ruleset`; `isTold`: tables, `ip nat`, that are known from elsewhere. Dormant ones meet no packet. */
export function readRuleset(items: readonly NftObject[], isTold: (table: string) => boolean): NftRuleset {
  const asleep = dormantTables(items);
  const chains: BaseChain[] = [];
  const rules = new Map<string, NftRule[]>();
  for (const { chain, rule } of items) {
    const one = isObject(chain) ? chain : isObject(rule) ? rule : undefined;
    if (one === undefined) continue;
    const table = `${String(one['family'])} ${String(one['table'])}`;
    if (asleep.has(table) || isTold(table)) continue;
    if (one === chain) {
      if (typeof one['hook'] === 'string') chains.push(baseChain(one, table));
      continue;
    }
    const name = `${table} ${String(one['chain'])}`;
    const { expr, handle } = one;
    const statements = Array.isArray(expr) ? expr.filter(isObject) : [];
    rules.set(name, [
      ...(rules.get(name) ?? []),
      { table, chain: String(one['chain']), handle: Number(handle), statements },
    ]);
  }
  return { chains, rules };
}

function baseChain(chain: NftObject, table: string): BaseChain {
  const { family, name, type, hook, prio, policy } = chain;
  return {
    families: FAMILIES[String(family)] ?? [],
    ...{ table, name: String(name), type: String(type), hook: String(hook) },
    priority: Number(prio),
    policy: policy === 'drop' ? 'drop' : 'accept',
    ofDevice: hook === 'ingress',
  };
}

/** What a rule does. `sent`: to another port or host; `notrack` goes on. */
export type Deed = 'accept' | 'drop' | 'sent' | 'notrack' | 'unknown';

export interface NftOutcome {
  readonly deed: Deed;
  /** Undefined: the policy of the base chain. */
  readonly rule: NftRule | undefined;
  readonly box: Box;
  /** Where to, as far as nft says: `10.0.0.1:22`, `port 8080 of this host`. */
  readonly to: string;
}

const MAX_DEPTH = 16;
/** So many kinds of packets are told apart; beyond, nothing is said of the chain but that it cannot be judged. */
const MAX_BOXES = 64;

/** What becomes of packets in a base chain; `looked`: the deeds that are looked for, of which `notrack` ends nothing otherwise. */
export function passThrough(
  { rules }: Pick<NftRuleset, 'rules'>,
  chain: BaseChain,
  boxes: readonly Box[],
  newcomer: Newcomer,
  looked: Deed,
): NftOutcome[] {
  const outcomes: NftOutcome[] = [];
  const end = (deed: Deed, rule: NftRule | undefined, all: readonly Box[], to = ''): void => {
    for (const box of all) outcomes.push({ deed, rule, box, to });
  };
  /** Gives the boxes that come back from the chain. */
  const through = (name: string, all: readonly Box[], depth: number): readonly Box[] => {
    let current = all;
    const returned: Box[] = [];
    for (const rule of rules.get(`${chain.table} ${name}`) ?? []) {
      for (const { conditions, verdict, to } of branches(rule, newcomer)) {
        if (verdict === 'continue' || (verdict === 'notrack' && looked !== 'notrack')) continue;
        const parts = current.map((box) => split(box, conditions));
        const matched = parts.flatMap((part) => (part.matched === undefined ? [] : [part.matched]));
        if (matched.length === 0) continue;
        current = parts.flatMap((part) => part.rest);
        if (verdict === 'return') returned.push(...matched);
        else if (verdict === 'jump' || verdict === 'goto') {
          const back = depth < MAX_DEPTH ? through(to, matched, depth + 1) : [];
          if (verdict === 'goto') returned.push(...back);
          else current = [...current, ...back];
        } else end(verdict, rule, matched, to);
        if (current.length > MAX_BOXES) {
          end('unknown', rule, current);
          return [];
        }
      }
    }
    return [...returned, ...current];
  };
  end(chain.policy, undefined, through(chain.name, boxes, 0));
  return outcomes;
}

interface Branch {
  readonly conditions: readonly Condition[];
  readonly verdict: Deed | 'continue' | 'return' | 'jump' | 'goto';
  /** The chain of a jump, or where it is sent. */
  readonly to: string;
}

/** A rule as what it does under which conditions: a map of verdicts is a rule for each of its elements. */
function branches({ statements }: NftRule, newcomer: Newcomer): Branch[] {
  const found: Branch[] = [];
  const conditions: Condition[] = [];
  for (const statement of statements) {
    const { match, vmap } = statement;
    if (match !== undefined) {
      const condition = matchCondition(match, newcomer);
      if (condition.kind === 'never') return found;
      if (condition.kind !== 'always') conditions.push(condition);
      continue;
    }
    if (isObject(vmap)) {
      found.push(...ofMap(vmap, conditions, newcomer));
      continue;
    }
    const verdict = verdictOf(statement);
    if (verdict !== undefined) found.push({ conditions: [...conditions], ...verdict });
    else {
      const condition = statementCondition(statement);
      if (condition.kind !== 'always') conditions.push(condition);
    }
  }
  return found;
}

function ofMap({ key, data }: NftObject, conditions: readonly Condition[], newcomer: Newcomer): Branch[] {
  const elements = isObject(data) ? data['set'] : undefined;
  if (!Array.isArray(elements)) return [{ conditions: [...conditions, UNKNOWN], verdict: 'unknown', to: '' }];
  return elements.flatMap((element: unknown): Branch[] => {
    const [value, verdict] = Array.isArray(element) ? (element as readonly unknown[]) : [];
    const condition = fieldCondition(key, { set: [value] }, false, newcomer);
    const deed = isObject(verdict) ? verdictOf(verdict) : undefined;
    if (condition.kind === 'never' || deed === undefined) return [];
    return [{ conditions: condition.kind === 'always' ? conditions : [...conditions, condition], ...deed }];
  });
}

function verdictOf(statement: NftObject): Pick<Branch, 'verdict' | 'to'> | undefined {
  const plain = (['accept', 'drop', 'return', 'continue', 'notrack'] as const).find(
    (name) => name in statement,
  );
  if (plain !== undefined) return { verdict: plain, to: '' };
  if ('reject' in statement) return { verdict: 'drop', to: '' };
  for (const way of ['jump', 'goto'] as const) {
    const to = statement[way];
    if (isObject(to)) return { verdict: way, to: String(to['target']) };
  }
  if ('queue' in statement || 'synproxy' in statement || isTarget(statement['xt']))
    return { verdict: 'unknown', to: '' };
  for (const way of ['dnat', 'redirect', 'tproxy', 'fwd'] as const)
    if (way in statement) return { verdict: 'sent', to: whereTo(way, statement[way]) };
  return undefined;
}

/** A target of iptables, of which nft shows no more than that it is one. */
function isTarget(xt: unknown): boolean {
  return isObject(xt) && xt['type'] === 'target';
}

/** In words; of a map that stands in place of an address or port nothing is told. */
function whereTo(way: string, value: unknown): string {
  const { addr, port } = isObject(value) ? value : {};
  const words = (one: unknown): string =>
    typeof one === 'string' || typeof one === 'number' ? String(one) : '';
  if (way === 'redirect' || (way === 'tproxy' && addr === undefined)) {
    return port === undefined ? '' : `port ${words(port) || 'of a map'} of this host`;
  }
  const host = words(addr) || (addr === undefined ? 'this host' : 'addresses of a map');
  return port === undefined ? host : `${host}:${words(port) || 'port of a map'}`;
}
