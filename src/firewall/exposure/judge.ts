/** What new connections from anywhere meet before knockctl's jump, by the rules in force. Pure. */
import type { Family } from '../../base/address.js';
import { chains as chainsOf, findTable } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { chainBefore } from '../rules/gate.js';
import { isForOthers, type Service } from '../model/service.js';
import type { TableName } from '../model/table-name.js';
import type { Box } from './box.js';
import type { NewConnection } from './newcomer.js';
import { allAddresses, networkRanges, sizeOf, subtract, union, type Ranges } from './ranges.js';
import { byChain, walk, type Outcome, type Place, type Verdict } from './walk.js';

/** How a packet ends; `ours`: it reaches one of knockctl's jumps. */
export type End = 'accept' | 'refuse' | 'ours';

/** Distinguishes knockctl's jumps from foreign rules: `ours` for services, `continue` for doors, which all return. */
export type IsOurs = (rule: Rule) => 'ours' | 'continue' | undefined;

/** The outcomes for new connections to one port. */
export interface Ways {
  readonly port: number;
  readonly outcomes: readonly Outcome<End>[];
}

/** The built-in chains that may lead to the jump's chain. */
const BUILT_IN = ['INPUT', 'FORWARD'];

/** Sources that no packet from outside has, or that cannot open a connection. */
const IMPOSSIBLE: Readonly<Record<Family, readonly string[]>> = {
  4: ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4'],
  6: ['::/127', 'ff00::/8'],
};
/** Link-local sources: routers do not forward them, so they are few, however many addresses the range has. */
const OF_THE_LINK: Readonly<Record<Family, readonly string[]>> = { 4: ['169.254.0.0/16'], 6: ['fe80::/10'] };
/** More addresses than this count as everybody: a /8 of IPv4, a /32 of IPv6. */
const MOST: Readonly<Record<Family, bigint>> = { 4: 1n << 24n, 6: 1n << 96n };

/** True if the sources are so many that they count as everybody. */
export function isEverybody(sources: Ranges, family: Family): boolean {
  return sizeOf(subtract(sources, ranges(OF_THE_LINK[family], family))) > MOST[family];
}

/** All packets from outside to a service. */
export function fromOutside({ addresses }: Pick<Service, 'addresses'>, family: Family): Box {
  const possible = subtract(allAddresses(family), ranges(IMPOSSIBLE[family], family));
  const own = ranges(addresses, family);
  return {
    sources: possible,
    destinations: own.length > 0 ? own : possible,
    sourcePorts: [{ first: 0n, last: 65_535n }],
    only: undefined,
    except: ['lo'],
    certainty: 'sure',
    notes: [],
  };
}

/** Packets that another table has let through, instead of all packets. */
interface Through {
  readonly boxes: (port: number) => readonly Box[];
  /** Their connection state: raw may disable tracking. */
  readonly state: NewConnection['state'];
}

/**
 * Returns how new connections to each port of a service end in the filter table: all, or those that came `through`
 * another table.
 */
export function waysTo(
  service: Service,
  family: Family,
  ruleset: Ruleset,
  isOurs: IsOurs,
  through?: Through,
): Ways[] {
  const table = findTable(ruleset, 'filter');
  if (table === undefined) return [];
  const verdict: Verdict<End> = (rule) => isOurs(rule) ?? verdictOf(rule);
  const policy = (name: string): End => (name === 'DROP' ? 'refuse' : 'accept');
  return service.ports.map((port) => {
    const outcomes = startsFor(service, table).flatMap((start) => {
      const newcomer = connectionTo(service, family, port, start);
      const { boxes, state } = through ?? { boxes: () => [fromOutside(service, family)], state: 'NEW' };
      return walk(table, start, boxes(port), { ...newcomer, state }, verdict, policy);
    });
    return { port, outcomes };
  });
}

/**
 * Returns new connections that bypass the service's strict gate because a rule before it in table mangle accepts them;
 * undefined if there is no gate.
 */
export function waysPastGate(
  service: Service,
  family: Family,
  ruleset: Ruleset,
  isOurs: IsOurs,
): Ways[] | undefined {
  const table = findTable(ruleset, 'mangle');
  const chain = chainBefore(service.chain);
  if (table === undefined || chain === undefined) return undefined;
  if (!(byChain(table).get(chain) ?? []).some((rule) => isOurs(rule) === 'ours')) return undefined;
  const verdict: Verdict<End> = (rule) => isOurs(rule) ?? verdictOf(rule);
  return service.ports.map((port) => {
    const newcomer = connectionTo(service, family, port, chain);
    const all = [fromOutside(service, family)];
    const outcomes = walk<End>(table, chain, all, newcomer, verdict, (name) =>
      name === 'DROP' ? 'refuse' : 'accept',
    );
    return { port, outcomes: outcomes.filter(({ end }) => end === 'accept' || end === 'unknown') };
  });
}

/** Returns how packets to a knock port end before the jump to the kernel doors; `isDoors` recognises that jump. */
export function waysToDoors(
  step: Pick<NewConnection, 'family' | 'protocol' | 'port'>,
  chain: string,
  ruleset: Ruleset,
  isDoors: (rule: Rule) => boolean,
  name: TableName = 'filter',
): Outcome<End>[] {
  const table = findTable(ruleset, name);
  if (table === undefined) return [];
  const verdict: Verdict<End> = (rule) => (isDoors(rule) ? 'ours' : verdictOf(rule));
  const box = fromOutside({ addresses: [] }, step.family);
  const newcomer: NewConnection = { ...step, isForOthers: chain !== 'INPUT', state: 'NEW' };
  return walk(table, chain, [box], newcomer, verdict, (name) => (name === 'DROP' ? 'refuse' : 'accept'));
}

/** Returns a new connection to a port of a service that enters by this built-in chain. */
export function connectionTo(
  { protocol }: Pick<Service, 'protocol'>,
  family: Family,
  port: number,
  start: string,
): NewConnection {
  return { family, protocol, port, isForOthers: start === 'FORWARD', state: 'NEW' };
}

/** Returns the addresses of networks of a family as ranges; networks that cannot be parsed are omitted. */
function ranges(networks: readonly string[], family: Family): Ranges {
  return networks.reduce<Ranges>((sum, text) => union(sum, networkRanges(text, family) ?? []), []);
}

/**
 * Returns the built-in chains whose packets can reach the service's chain; if none leads there, the one that the
 * service is meant for.
 */
function startsFor(service: Service, table: Table): readonly string[] {
  const { chain } = service;
  if (BUILT_IN.includes(chain)) return [chain];
  const leading = BUILT_IN.filter((start) => leads(table, start, chain));
  return leading.length > 0 ? leading : [isForOthers(service) ? 'FORWARD' : 'INPUT'];
}

function leads(table: Table, start: string, chain: string): boolean {
  const seen = new Set<string>();
  const names = new Set(chainsOf(table).map(({ name }) => name));
  const open = [start];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (name === chain) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    for (const { target } of byChain(table).get(name) ?? [])
      if (target !== undefined && names.has(target.name)) open.push(target.name);
  }
  return false;
}

/** Targets that inspect, count, mark or log, and let the packet continue (iptables-extensions(8)). */
const GO_ON = new Set([
  ...[
    'LOG',
    'NFLOG',
    'ULOG',
    'MARK',
    'CONNMARK',
    'CONNSECMARK',
    'SECMARK',
    'CLASSIFY',
    'TCPMSS',
    'TCPOPTSTRIP',
  ],
  ...[
    'SET',
    'AUDIT',
    'TRACE',
    'TOS',
    'DSCP',
    'ECN',
    'TTL',
    'HL',
    'TEE',
    'IDLETIMER',
    'LED',
    'RATEEST',
    'CHECKSUM',
  ],
  ...['CT', 'NOTRACK', 'HMARK', 'CLUSTERIP'],
]);
const REFUSE = new Set(['DROP', 'REJECT', 'TARPIT']);

/** Returns what a rule of the filter table does; undefined: it leads to a chain or an unknown target. */
export function verdictOf({ target }: Rule): End | 'unknown' | 'continue' | 'return' | undefined {
  if (target === undefined || GO_ON.has(target.name)) return 'continue';
  if (target.name === 'ACCEPT') return 'accept';
  if (target.name === 'RETURN') return 'return';
  if (REFUSE.has(target.name)) return 'refuse';
  return target.name === 'QUEUE' || target.name === 'NFQUEUE' ? 'unknown' : undefined;
}

/** Formats a path of rules as a key. */
export function pathKey(path: readonly Place[]): string {
  return path.map(({ chain, number }) => `${chain} ${number}`).join(' ');
}
