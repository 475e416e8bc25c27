/** Parses `nft -j -a list table` (libnftables-json(5)): chains, targets and handles. Pure. */

import type { Family } from '../../base/address.js';

/** nft's name of the family of an iptables table. */
export function protocol(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** A chain; only base chains have a `policy`. */
interface ListedChain {
  readonly name: string;
  readonly policy: string | undefined;
}

/** A rule, in chain order. */
export interface ListedRule {
  readonly chain: string;
  /** The handle by which nft deletes it; never reused within the table. */
  readonly handle: number;
  /** Its number in its chain, from 1, as in iptables. */
  readonly number: number;
  /** The chain of its jump or goto. */
  readonly target: string | undefined;
  /** It has an iptables comment. nft 1.0.6 shows that there is one, but not its text. */
  readonly hasComment: boolean;
  /** What nft shows of it, without counters. */
  readonly form: string;
  /** Packets that it has counted; undefined without a counter, which iptables rules always have. */
  readonly packets: number | undefined;
}

export interface Listing {
  readonly chains: readonly ListedChain[];
  readonly rules: readonly ListedRule[];
}

/** A JSON object of nft. */
export type NftObject = Readonly<Record<string, unknown>>;

/** Parses the listing of one table. Throws Error if it is invalid or truncated. */
export function parseListing(text: string): Listing {
  const chains: ListedChain[] = [];
  const rules: ListedRule[] = [];
  const counts = new Map<string, number>();
  for (const { chain, rule } of nftItems(text)) {
    if (isObject(chain)) chains.push({ name: textOf(chain, 'name'), policy: policyOf(chain) });
    if (!isObject(rule)) continue;
    const name = textOf(rule, 'chain');
    const number = (counts.get(name) ?? 0) + 1;
    counts.set(name, number);
    rules.push(readRule(rule, name, number));
  }
  return { chains, rules };
}

/** Returns the objects of an nft document; the first is its metadata. Throws Error if it is invalid. */
export function nftItems(text: string): readonly NftObject[] {
  const document: unknown = JSON.parse(text);
  const list = isObject(document) ? document['nftables'] : undefined;
  if (!Array.isArray(list)) throw new Error('nft printed something unexpected');
  return list.filter(isObject);
}

/** Table flags that do not affect packets. */
const HARMLESS: readonly unknown[] = ['owner', 'persist'];

/** Whether a table has a flag that disables it. nft 1.0.6 prints its own name in place of the flag. */
export function isDormant(table: unknown): boolean {
  const flags = isObject(table) ? table['flags'] : undefined;
  if (flags === undefined) return false;
  const all: readonly unknown[] = Array.isArray(flags) ? flags : [flags];
  return all.some((flag) => !HARMLESS.includes(flag));
}

/** Returns the dormant tables of an nft document, each as `ip filter`. */
export function dormantTables(items: readonly NftObject[]): ReadonlySet<string> {
  const asleep = items
    .map(({ table }) => table)
    .filter(isObject)
    .filter(isDormant);
  return new Set(asleep.map((table) => `${textOf(table, 'family')} ${textOf(table, 'name')}`));
}

function readRule(rule: NftObject, chain: string, number: number): ListedRule {
  const { handle, expr, comment } = rule;
  if (typeof handle !== 'number') throw new Error(`nft printed a rule of ${chain} without its handle`);
  const all: readonly unknown[] = Array.isArray(expr) ? expr : [];
  const statements = all.filter(isObject);
  const counter = statements.map((one) => one['counter']).find(isObject);
  const packets = counter?.['packets'];
  return {
    ...{ chain, handle, number },
    target: statements.map(targetOf).find((name) => name !== undefined),
    hasComment: typeof comment === 'string' || statements.some(isComment),
    form: JSON.stringify([comment ?? null, statements.filter((one) => !('counter' in one))]),
    packets: typeof packets === 'number' ? packets : undefined,
  };
}

function targetOf({ jump, goto }: NftObject): string | undefined {
  const to = isObject(jump) ? jump : isObject(goto) ? goto : undefined;
  return to === undefined ? undefined : textOf(to, 'target');
}

function isComment({ xt }: NftObject): boolean {
  return isObject(xt) && xt['type'] === 'match' && xt['name'] === 'comment';
}

function policyOf(chain: NftObject): string | undefined {
  if (chain['hook'] === undefined) return undefined;
  return chain['policy'] === 'drop' ? 'DROP' : 'ACCEPT';
}

function textOf(object: NftObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

/** True for a JSON object. */
export function isObject(value: unknown): value is NftObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
