/** What new connections of anybody meet before our jump, by the rules in force. Pure. */
import type { Family } from '../../base/address.js';
import { chains as chainsOf, findTable } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { chainBefore } from '../rules/gate.js';
import { isForOthers, type Service } from '../model/service.js';
import type { TableName } from '../model/table-name.js';
import type { Box } from './box.js';
import type { Newcomer } from './newcomer.js';
import { allAddresses, networkRanges, sizeOf, subtract, union, type Ranges } from './ranges.js';
import { byChain, walk, type Outcome, type Place, type Verdict } from './walk.js';

/** `ours`: it comes to a jump of ours. */
export type End = 'accept' | 'refuse' | 'ours';

/** Tells jumps of ours from rules of others: `ours` those of services, `continue` those of doors, which all come back from. */
export type IsOurs = (rule: Rule) => 'ours' | 'continue' | undefined;

/** Ways of new connections to one port, as the rules of a family have them. */
export interface Ways {
  readonly port: number;
  readonly outcomes: readonly Outcome<End>[];
}

/** The built-in chains that lead to the one our jump is in. */
const BUILT_IN = ['INPUT', 'FORWARD'];

/** Sources that no packet from elsewhere has, or that no connection can be made with. */
const IMPOSSIBLE: Readonly<Record<Family, readonly string[]>> = {
  4: ['0.0.0.0/8', '127.0.0.0/8', '224.0.0.0/4', '240.0.0.0/4'],
  6: ['::/127', 'ff00::/8'],
};
/** Neighbours on the same link: no router passes these on, so that they are few however many addresses that is. */
const OF_THE_LINK: Readonly<Record<Family, readonly string[]>> = { 4: ['169.254.0.0/16'], 6: ['fe80::/10'] };
/** More than that is everybody: a /8 of IPv4, a /32 of IPv6. */
const MOST: Readonly<Record<Family, bigint>> = { 4: 1n << 24n, 6: 1n << 96n };

/** True for so many sources that a rule for them is one for everybody. */
export function isEverybody(sources: Ranges, family: Family): boolean {
  return sizeOf(subtract(sources, ranges(OF_THE_LINK[family], family))) > MOST[family];
}

/** All that comes from elsewhere to a service. */
export function fromElsewhere({ addresses }: Pick<Service, 'addresses'>, family: Family): Box {
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

/** Packets that another table has let through, instead of all that come. */
interface Through {
  readonly boxes: (port: number) => readonly Box[];
  /** What the kernel knows of their connection: raw may keep it from tracking them. */
  readonly state: Newcomer['state'];
}

/**
 * Where new connections to each port of a service end in the filter table, all or those that came `through` another one.
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
      const newcomer = newcomerTo(service, family, port, start);
      const { boxes, state } = through ?? { boxes: () => [fromElsewhere(service, family)], state: 'NEW' };
      return walk(table, start, boxes(port), { ...newcomer, state }, verdict, policy);
    });
    return { port, outcomes };
  });
}

/**
 * What new connections to a service get round its second gate by a rule of table mangle that accepts them in front of it;
 * undefined if no gate stands there.
 */
export function waysRoundGate(
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
    const newcomer = newcomerTo(service, family, port, chain);
    const all = [fromElsewhere(service, family)];
    const outcomes = walk<End>(table, chain, all, newcomer, verdict, (name) =>
      name === 'DROP' ? 'refuse' : 'accept',
    );
    return { port, outcomes: outcomes.filter(({ end }) => end === 'accept' || end === 'unknown') };
  });
}

/** Where packets to a knock port end before the jump to the doors of the kernel: `doors` tells that jump. */
export function waysToDoors(
  step: Pick<Newcomer, 'family' | 'protocol' | 'port'>,
  chain: string,
  ruleset: Ruleset,
  isDoors: (rule: Rule) => boolean,
  name: TableName = 'filter',
): Outcome<End>[] {
  const table = findTable(ruleset, name);
  if (table === undefined) return [];
  const verdict: Verdict<End> = (rule) => (isDoors(rule) ? 'ours' : verdictOf(rule));
  const box = fromElsewhere({ addresses: [] }, step.family);
  const newcomer: Newcomer = { ...step, isForOthers: chain !== 'INPUT', state: 'NEW' };
  return walk(table, chain, [box], newcomer, verdict, (name) => (name === 'DROP' ? 'refuse' : 'accept'));
}

/** A new connection to a port of a service, in packets that begin in this built-in chain. */
export function newcomerTo(
  { protocol }: Pick<Service, 'protocol'>,
  family: Family,
  port: number,
  start: string,
): Newcomer {
  return { family, protocol, port, isForOthers: start === 'FORWARD', state: 'NEW' };
}

/** The chains of a family's addresses: networks that cannot be read are left out. */
function ranges(networks: readonly string[], family: Family): Ranges {
  return networks.reduce<Ranges>((sum, text) => union(sum, networkRanges(text, family) ?? []), []);
}

/** The built-in chains whose packets can come to the service's own; where nobody leads there, the one that it is meant for. */
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

/** Targets that look, count, mark or tell, and let the packet go on (iptables-extensions(8)). */
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

/** What a rule of the filter table does; undefined: it leads to a chain, or to what we do not know. */
export function verdictOf({ target }: Rule): End | 'unknown' | 'continue' | 'return' | undefined {
  if (target === undefined || GO_ON.has(target.name)) return 'continue';
  if (target.name === 'ACCEPT') return 'accept';
  if (target.name === 'RETURN') return 'return';
  if (REFUSE.has(target.name)) return 'refuse';
  return target.name === 'QUEUE' || target.name === 'NFQUEUE' ? 'unknown' : undefined;
}

/** The rule that decides, and those that lead to it, as one text: the same for each kind of packet that it decides about. */
export function pathKey(path: readonly Place[]): string {
  return path.map(({ chain, number }) => `${chain} ${number}`).join(' ');
}
