/** What a rule of nft asks of a new connection, by `nft -j` (libnftables-json(5)). Pure. */
import { isObject, type NftObject } from '../rules/nft-listing.js';
import type { Condition } from './box.js';
import { ALWAYS, CHOICE, few, known, NEVER, type Newcomer } from './newcomer.js';
import { addressRange, networkRanges, union, type Ranges } from './ranges.js';

/** What cannot be judged: it may hold for everybody or nobody, so that what comes behind it cannot be judged either. */
export const UNKNOWN: Condition = {
  kind: 'doubt',
  matched: 'unknown',
  unmatched: 'unknown',
  note: undefined,
};

/** A condition that one field puts: the rest of the rule's are others. */
export function matchCondition(match: unknown, newcomer: Newcomer): Condition {
  if (!isObject(match)) return UNKNOWN;
  const { left, op, right } = match;
  return fieldCondition(left, right, op === '!=', newcomer);
}

/** Whether a field has one of these values; `negated`: none of them. A name of a set stands for its members. */
export function fieldCondition(
  left: unknown,
  right: unknown,
  negated: boolean,
  newcomer: Newcomer,
): Condition {
  if (!isObject(left)) return UNKNOWN;
  const { payload, meta, ct, fib } = left;
  if (isObject(payload)) return payloadCondition(payload, right, negated, newcomer);
  if (isObject(meta)) return metaCondition(meta['key'], right, negated, newcomer);
  if (isObject(ct)) return trackedCondition(ct['key'], right, negated, newcomer);
  if (isObject(fib)) return fibCondition(fib, right, negated, newcomer);
  if ('&' in left) return flagsCondition(left['&'], right, negated, newcomer);
  return 'numgen' in left || 'jhash' in left || 'symhash' in left ? CHOICE : UNKNOWN;
}

/** Statements that let go on some packets of any source, and not others. */
const BY_CHANCE = ['limit', 'quota', 'ct count', 'meter'];
/** Statements that look, count, mark or tell. */
const NO_CONDITION = [
  'counter',
  'log',
  'mangle',
  'notrack',
  'ct helper',
  'ct timeout',
  'flow',
  'dup',
  'last',
];

/** What a statement that is neither a match nor a verdict lets go on. */
export function statementCondition(statement: NftObject): Condition {
  if (BY_CHANCE.some((name) => name in statement)) return CHOICE;
  if (NO_CONDITION.some((name) => name in statement)) return ALWAYS;
  const { set } = statement;
  if (isObject(set)) return set['stmt'] === undefined ? ALWAYS : CHOICE;
  return UNKNOWN;
}

const ADDRESS_FIELDS: Readonly<Record<string, 'sources' | 'destinations'>> = {
  saddr: 'sources',
  daddr: 'destinations',
};

function payloadCondition(
  { protocol: header, field }: NftObject,
  right: unknown,
  negated: boolean,
  newcomer: Newcomer,
): Condition {
  const { family, protocol, port } = newcomer;
  if (header === 'ip' || header === 'ip6') {
    if ((header === 'ip') !== (family === 4)) return NEVER;
    if (field === 'protocol' || field === 'nexthdr') return isOne([protocol], right, negated);
    const of = ADDRESS_FIELDS[String(field)];
    return of === undefined ? CHOICE : addressCondition(of, right, negated, newcomer);
  }
  if (header === 'ether' || header === 'vlan' || header === undefined) return CHOICE;
  if (header !== protocol && header !== 'th') return NEVER;
  if (field === 'dport') return isOne([port], right, negated);
  if (field === 'sport') {
    const ranges = rangesOf(right, portRange);
    return ranges === undefined ? UNKNOWN : { kind: 'ranges', field: 'sourcePorts', ranges, negated };
  }
  return field === 'flags' ? flagsCondition([undefined, undefined], right, negated, newcomer) : CHOICE;
}

function addressCondition(
  field: 'sources' | 'destinations',
  right: unknown,
  negated: boolean,
  { family }: Newcomer,
): Condition {
  if (typeof right === 'string' && right.startsWith('@'))
    return field === 'sources' ? few(`members of the set ${right.slice(1)} of nft`, negated) : CHOICE;
  const ranges = rangesOf(right, (value) => {
    if (typeof value === 'string') return networkRanges(value, family);
    if (!isObject(value)) return undefined;
    const { prefix, range } = value;
    if (isObject(prefix)) return networkRanges(`${String(prefix['addr'])}/${String(prefix['len'])}`, family);
    return Array.isArray(range) ? addressRange(range.join('-'), family) : undefined;
  });
  return ranges === undefined ? UNKNOWN : { kind: 'ranges', field, ranges, negated };
}

function portRange(value: unknown): Ranges | undefined {
  const range: unknown = isObject(value) ? value['range'] : [value, value];
  if (!Array.isArray(range)) return undefined;
  const [first, last] = range as readonly unknown[];
  return typeof first === 'number' && typeof last === 'number'
    ? [{ first: BigInt(first), last: BigInt(last) }]
    : undefined;
}

/** All values in one; undefined if one of them cannot be read. */
function rangesOf(right: unknown, read: (value: unknown) => Ranges | undefined): Ranges | undefined {
  const values = valuesOf(right);
  if (values === undefined) return undefined;
  let all: Ranges = [];
  for (const value of values) {
    const ranges = read(value);
    if (ranges === undefined) return undefined;
    all = union(all, ranges);
  }
  return all;
}

function metaCondition(key: unknown, right: unknown, negated: boolean, newcomer: Newcomer): Condition {
  const { family, protocol, isForOthers } = newcomer;
  const is = (...values: readonly string[]): Condition => isOne(values, right, negated);
  switch (key) {
    case 'l4proto':
      return is(protocol);
    case 'nfproto':
      return is(`ipv${family}`);
    case 'protocol':
      return is(family === 4 ? 'ip' : 'ip6');
    case 'iif':
    case 'iifname':
      return interfaceCondition(right, negated);
    case 'oif':
    case 'oifname':
      return isForOthers ? CHOICE : known(negated);
    case 'pkttype':
      return protocol === 'tcp' ? is('host', 'unicast') : CHOICE;
    case 'length':
    case 'time':
    case 'hour':
    case 'day':
    case 'random':
    case 'cpu':
      return CHOICE;
    default:
      return UNKNOWN;
  }
}

/** Nothing comes from elsewhere by the loopback. */
function interfaceCondition(right: unknown, negated: boolean): Condition {
  const names = valuesOf(right)?.filter((name) => name !== 'lo');
  if (names?.length === 0) return known(negated);
  const [name, ...more] = names ?? [];
  if (typeof name !== 'string' || more.length > 0) return UNKNOWN;
  return { kind: 'interface', name: name.replace(/\*$/, '+'), negated };
}

function trackedCondition(key: unknown, right: unknown, negated: boolean, { state }: Newcomer): Condition {
  if (key === 'state') return isOne([state.toLowerCase()], right, negated);
  if (key === 'status') return known(negated); // of a connection that is there: seen-reply, dnat
  return key === 'direction' ? isOne(['original'], right, negated) : UNKNOWN;
}

/** `fib daddr type local`: whether it is for this host. A look at the way back is one at the sender. */
function fibCondition(
  { result, flags }: NftObject,
  right: unknown,
  negated: boolean,
  { isForOthers }: Newcomer,
): Condition {
  const asked = valuesOf(flags) ?? [];
  if (!asked.includes('daddr')) return CHOICE;
  return result === 'type' ? isOne([isForOthers ? 'unicast' : 'local'], right, negated) : UNKNOWN;
}

/** Of the flags of a SYN, those in a mask: a new connection of TCP begins with it alone. */
function flagsCondition(parts: unknown, right: unknown, negated: boolean, { protocol }: Newcomer): Condition {
  const [left, mask] = Array.isArray(parts) ? (parts as readonly unknown[]) : [];
  const isFlags =
    left === undefined ||
    (isObject(left) && isObject(left['payload']) && left['payload']['field'] === 'flags');
  const wanted = right === 0 ? [] : valuesOf(right);
  if (!isFlags || wanted === undefined) return UNKNOWN;
  if (protocol !== 'tcp') return NEVER;
  const masked = mask === undefined ? undefined : valuesOf(mask);
  if (masked === undefined) return known(wanted.includes('syn') !== negated);
  const set = masked.includes('syn') ? ['syn'] : [];
  const isSame = set.length === wanted.length && set.every((flag) => wanted.includes(flag));
  return known(isSame !== negated);
}

/** Whether what a packet has, one of `has`, is among the values. */
function isOne(has: readonly (string | number)[], right: unknown, negated: boolean): Condition {
  const values = valuesOf(right);
  if (values === undefined) return UNKNOWN;
  const isIn = values.some((value) => {
    if (!isObject(value)) return has.includes(value as string);
    const range = portRange(value)?.[0];
    return range !== undefined && has.some((one) => range.first <= Number(one) && Number(one) <= range.last);
  });
  return known(isIn !== negated);
}

/** What stands right of a match: one value, or those of a set; undefined for a set that has a name, whose elements are not read. */
function valuesOf(right: unknown): readonly unknown[] | undefined {
  if (typeof right === 'string' && right.startsWith('@')) return undefined;
  const set = isObject(right) && Array.isArray(right['set']) ? right['set'] : right;
  const all: readonly unknown[] = Array.isArray(set) ? set : [set];
  return all.map((one) => (isObject(one) && isObject(one['elem']) ? one['elem']['val'] : one));
}
