/** Tables of nft, as `nft -j` prints them (libnftables-json(5)). Read loosely: what we do not know may let a packet in. */
import type { Family } from '../../base/address.js';
import type { Wanted } from './reach.js';

/** Where a table meets packets: for this host itself, or for others. */
export type Hook = 'input' | 'forward';

/** A table with chains of its own at one of our hooks. */
export interface NftTable {
  readonly family: 'inet' | 'ip' | 'ip6';
  readonly name: string;
  /** What stands in the list of `nft -j list table`. */
  readonly items: readonly NftObject[];
}

/** A JSON object of nft. */
type NftObject = Readonly<Record<string, unknown>>;

const FAMILIES: Readonly<Record<NftTable['family'], readonly Family[]>> = { inet: [4, 6], ip: [4], ip6: [6] };
const HOOKS: readonly string[] = ['input', 'forward'];
/** How iptables names its own base chains; nobody else writes them so. */
const OF_IPTABLES = /^[A-Z]+$/;

/** The list in a document of nft; throws where it is none. */
export function readNft(text: string): NftObject[] {
  const document: unknown = JSON.parse(text);
  const list = isObject(document) ? document['nftables'] : undefined;
  if (!Array.isArray(list)) throw new Error('nft printed something unexpected');
  return list.filter(isObject);
}

/** The tables that have base chains at our hooks, from the list of all chains. */
export function tablesAtHooks(items: readonly NftObject[]): Pick<NftTable, 'family' | 'name'>[] {
  const found = new Map<string, Pick<NftTable, 'family' | 'name'>>();
  for (const { family, table } of items.map(baseChain).filter((chain) => chain !== undefined)) {
    if (isFamily(family) && typeof table === 'string')
      found.set(`${family} ${table}`, { family, name: table });
  }
  return [...found.values()];
}

/** The families whose packets meet a table. */
export function familiesOfTable({ family }: NftTable): readonly Family[] {
  return FAMILIES[family];
}

/** Whether a table refuses at a hook what none of its rules accepts: by the policy, or by the last rule. */
export function refusesRest({ items }: NftTable, hook: Hook): boolean {
  return items.some((item) => {
    const chain = baseChain(item);
    if (chain?.['hook'] !== hook) return false;
    if (chain['policy'] === 'drop') return true;
    const last = rules(items).findLast((rule) => rule['chain'] === chain['name']);
    return last !== undefined && refusesAll(statements(last));
  });
}

/** Whether some rule of a table may accept what is wanted, whichever chain it stands in. */
export function mayAccept({ items }: NftTable, wanted: Wanted): boolean {
  return rules(items).some((rule) => {
    const all = statements(rule);
    if (all.some((statement) => excludes(statement['match'], wanted, items))) return false;
    return all.some(
      (statement) =>
        'accept' in statement || 'queue' in statement || mapAccepts(statement['vmap'], wanted, items),
    );
  });
}

/** A base chain that is not one of iptables; undefined for all else. */
function baseChain({ chain }: NftObject): NftObject | undefined {
  if (!isObject(chain)) return undefined;
  const { family, hook, name } = chain;
  if (!isFamily(family) || typeof hook !== 'string' || !HOOKS.includes(hook)) return undefined;
  return family !== 'inet' && OF_IPTABLES.test(String(name)) ? undefined : chain;
}

function rules(items: readonly NftObject[]): NftObject[] {
  return items.map(({ rule }) => rule).filter(isObject);
}

function statements({ expr }: NftObject): NftObject[] {
  return Array.isArray(expr) ? expr.filter(isObject) : [];
}

function refusesAll(all: readonly NftObject[]): boolean {
  const deciding = all.filter((statement) => !('counter' in statement || 'log' in statement));
  return deciding.length === 1 && deciding.every((one) => 'drop' in one || 'reject' in one);
}

/** True where a match holds for no new connection to the port. */
function excludes(match: unknown, wanted: Wanted, items: readonly NftObject[]): boolean {
  if (!isObject(match)) return false;
  const isNot = match['op'] === '!=';
  const right = elements(match['right'], items);
  const has = key(match['left'], wanted);
  if (has === undefined) return false;
  if (has === 'nothing') return true;
  // Of the interface is known only that it is not the loopback.
  if (has === 'interface') return !isNot && right.every((element) => element === 'lo');
  return right.some((element) => covers(element, has)) === isNot;
}

/** True where a map of verdicts may accept what is wanted. */
function mapAccepts(vmap: unknown, wanted: Wanted, items: readonly NftObject[]): boolean {
  if (!isObject(vmap)) return false;
  const has = key(vmap['key'], wanted);
  return elements(vmap['data'], items).some((element) => {
    if (!Array.isArray(element)) return false;
    const [of, verdict] = element as readonly unknown[];
    if (!isObject(verdict) || !('accept' in verdict)) return false;
    if (has === 'interface') return of !== 'lo';
    return has === undefined || (has !== 'nothing' && covers(of, has));
  });
}

/** The values of which a new connection has one; `nothing`: it has no such field; undefined: unknown. */
type Key = readonly (string | number)[] | 'interface' | 'nothing' | undefined;

/** What a new connection to the port has where an expression looks. */
function key(left: unknown, { protocol, port }: Wanted): Key {
  if (!isObject(left)) return undefined;
  const { payload, meta, ct } = left;
  if (isObject(payload)) return payloadKey(payload, protocol, port);
  // dnat: a state of its own, of what was sent on elsewhere.
  if (isObject(ct)) {
    if (ct['key'] === 'status') return ['none'];
    return ct['key'] === 'state' ? ['new', 'untracked'] : undefined;
  }
  if (!isObject(meta)) return undefined;
  if (meta['key'] === 'l4proto') return [protocol];
  return meta['key'] === 'iif' || meta['key'] === 'iifname' ? 'interface' : undefined;
}

const IP_PROTOCOL: Readonly<Record<string, string>> = { ip: 'protocol', ip6: 'nexthdr' };

function payloadKey({ protocol: header, field }: NftObject, protocol: string, port: number): Key {
  if (header === protocol || header === 'th') return field === 'dport' ? [port] : undefined;
  if (typeof header !== 'string') return undefined;
  if (IP_PROTOCOL[header] !== undefined) return IP_PROTOCOL[header] === field ? [protocol] : undefined;
  return header === 'ether' || header === 'vlan' ? undefined : 'nothing'; // tcp for udp, icmp
}

/** What stands right of a match, or in a map: one element, many, or a named set's. */
function elements(value: unknown, items: readonly NftObject[]): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (isObject(value) && Array.isArray(value['set'])) return value['set'];
  if (typeof value !== 'string' || !value.startsWith('@')) return [value];
  const named = items
    .flatMap(({ set, map }) => [set, map])
    .find((one) => isObject(one) && one['name'] === value.slice(1));
  const elem = isObject(named) ? named['elem'] : undefined;
  return Array.isArray(elem) ? elem : [];
}

function covers(element: unknown, has: readonly (string | number)[]): boolean {
  if (!isObject(element)) return has.some((one) => one === element);
  const { range, elem } = element;
  if (isObject(elem)) return covers(elem['val'], has); // an element with a time-out or a counter
  if (!Array.isArray(range)) return true; // a prefix, or what we do not know
  const [first, last] = range.map(Number);
  return has.some((one) => Number(one) >= (first ?? NaN) && Number(one) <= (last ?? NaN));
}

function isFamily(value: unknown): value is NftTable['family'] {
  return value === 'inet' || value === 'ip' || value === 'ip6';
}

function isObject(value: unknown): value is NftObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
