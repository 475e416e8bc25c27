/** One table as `nft -j -a list table` prints it (libnftables-json(5)), as far as chains, targets and handles go. Pure. */

import type { Family } from '../../base/address.js';

/** What nft calls the tables of iptables and ip6tables. */
export function protocol(family: Family): 'ip' | 'ip6' {
  return family === 4 ? 'ip' : 'ip6';
}

/** A chain; `policy` of base chains alone. */
interface ListedChain {
  readonly name: string;
  readonly policy: string | undefined;
}

/** A rule, in the order of its chain. */
export interface ListedRule {
  readonly chain: string;
  /** What nft deletes it by; no other rule of the table ever has it. */
  readonly handle: number;
  /** Its number in its chain, from 1, as iptables counts. */
  readonly number: number;
  /** The chain that it jumps or goes to. */
  readonly target: string | undefined;
  /** It has a comment of iptables: nft 1.0.6 shows that there is one, and not what it says. */
  readonly hasComment: boolean;
  /** What nft shows of it, but for its counters. */
  readonly form: string;
  /** Packets that it has seen; undefined without a counter: iptables makes no such rule. */
  readonly packets: number | undefined;
}

export interface Listing {
  readonly chains: readonly ListedChain[];
  readonly rules: readonly ListedRule[];
}

/** A JSON object of nft. */
export type NftObject = Readonly<Record<string, unknown>>;

/** Reads the document of one table. Throws Error if it is none, as one that is cut short. */
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

/** The objects of a document of nft, the first of which says what made it. Throws Error if it is none. */
export function nftItems(text: string): readonly NftObject[] {
  const document: unknown = JSON.parse(text);
  const list = isObject(document) ? document['nftables'] : undefined;
  if (!Array.isArray(list)) throw new Error('nft printed something unexpected');
  return list.filter(isObject);
}

/** Flags of a table that change nothing for its packets. */
const HARMLESS: readonly unknown[] = ['owner', 'persist'];

/** Whether a table has a flag that takes it out of service. nft 1.0.6 prints another text in place of the flag (its own name). */
export function isDormant(table: unknown): boolean {
  const flags = isObject(table) ? table['flags'] : undefined;
  if (flags === undefined) return false;
  const all: readonly unknown[] = Array.isArray(flags) ? flags : [flags];
  return all.some((flag) => !HARMLESS.includes(flag));
}

/** The tables of a document of nft that are out of service, each as `ip filter`. */
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
