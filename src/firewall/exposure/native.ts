/** What nft base chains, besides the iptables tables, decide about services and knocks. Pure. */
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';
import { nftItems } from '../rules/nft-listing.js';
import { isForOthers, type Service } from '../model/service.js';
import { isConcerned, jumpRecognizer, type Context, type Exposure } from './assess.js';
import type { Box } from './box.js';
import type { AllTables } from './elsewhere.js';
import { fromOutside, isEverybody, connectionTo, waysTo } from './judge.js';
import type { NewConnection } from './newcomer.js';
import {
  passThrough,
  readRuleset,
  type BaseChain,
  type Action,
  type NftOutcome,
  type NftRule,
  type NftRuleset,
} from './nft-chains.js';
import { fixFor, placeOf, type Subject } from './native-words.js';
import { union, type Ranges } from './ranges.js';
import { describeSources } from './who.js';

/** The nft rules in force. */
export interface Native {
  readonly ruleset: NftRuleset;
  /** Each rule as nft prints it, by table and handle. */
  readonly texts: ReadonlyMap<string, string>;
}

export const NO_NATIVE: Native = { ruleset: { chains: [], rules: new Map() }, texts: new Map() };

/**
 * Parses `nft -j list ruleset` and `nft -a list ruleset`; `isTold`: tables read elsewhere, such as `ip nat`. Throws
 * Error if the JSON is invalid.
 */
export function readNative(json: string, text: string, isKnown: (table: string) => boolean): Native {
  const texts = new Map<string, string>();
  let table = '';
  for (const line of text.split('\n')) {
    table = /^table (\S+ \S+) /.exec(line)?.[1] ?? table;
    const rule = /^\s*(.+) # handle (\d+)$/.exec(line);
    if (rule?.[1] !== undefined && !rule[1].endsWith('{')) texts.set(`${table} ${String(rule[2])}`, rule[1]);
  }
  return { ruleset: readRuleset(nftItems(json), isKnown), texts };
}

type Setting = Pick<Context, 'services' | 'instances' | 'backend'> & {
  readonly families: readonly Family[];
  readonly doors: (family: Family) => readonly Door[];
};

/** Returns what these chains decide; `tables`: the iptables tables, which untracked packets meet next. */
export function assessNative(native: Native, tables: readonly AllTables[], setting: Setting): Exposure[] {
  if (native.ruleset.chains.length === 0) return [];
  return setting.families.flatMap((family) => [
    ...setting.services
      .filter((service) => isConcerned(service, family))
      .flatMap((service) => [
        ...redirected(native, family, service, setting),
        ...untracked(native, family, service, { tables, setting }),
        ...refused(native, family, service),
      ]),
    ...knocksDropped(native, family, setting),
  ]);
}

/** Connections that share a deciding rule. */
interface Group {
  readonly chain: BaseChain;
  readonly rule: NftRule | undefined;
  readonly action: Action;
  readonly to: string;
  readonly certainty: 'sure' | 'few' | 'unknown';
  readonly boxes: Box[];
  readonly ports: number[];
}

interface Question {
  readonly family: Family;
  readonly chains: readonly BaseChain[];
  readonly searched: Action;
  readonly steps: readonly NewConnection[];
  readonly box: Box;
}

/** Returns the rules that do the given thing to packets for these ports, or that cannot be judged. */
function groupsOf({ ruleset }: Native, { family, chains, searched, steps, box }: Question): Group[] {
  const groups = new Map<string, Group>();
  for (const chain of chains) {
    if (!chain.families.includes(family)) continue;
    const start: Box = chain.ofDevice ? { ...box, certainty: 'unknown' } : box;
    for (const step of steps) {
      const met = passThrough(ruleset, chain, [start], step, searched);
      for (const one of met.filter(({ action: action }) => action === searched || action === 'unknown')) {
        const certainty = certaintyOf(one);
        const key = `${chain.table} ${chain.name} ${one.rule?.handle ?? 'policy'} ${one.action} ${one.to} ${certainty}`;
        const group = groups.get(key) ?? { ...one, chain, certainty, boxes: [], ports: [] };
        groups.set(key, group);
        group.boxes.push(one.box);
        if (!group.ports.includes(step.port)) group.ports.push(step.port);
      }
    }
  }
  return [...groups.values()];
}

function certaintyOf({ action: action, box }: NftOutcome): Group['certainty'] {
  if (action === 'unknown' || box.certainty === 'unknown') return 'unknown';
  return box.certainty === 'few' ? 'few' : 'sure';
}

function sourcesOf({ boxes }: Group): Ranges {
  return boxes.reduce<Ranges>((sum, { sources }) => union(sum, sources), []);
}

/** Finds dnat and redirect: packets to a protected port then go to another port or host. */
function redirected(native: Native, family: Family, service: Service, { services }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return [];
  const chains = native.ruleset.chains.filter(({ hook }) => hook === 'prerouting' || hook === 'ingress');
  const box = fromOutside(service, family);
  const isShutToo = (to: string): boolean =>
    to === '' ||
    services.some(
      ({ protocol, ports, chain }) =>
        chain === 'INPUT' &&
        protocol === service.protocol &&
        ports.some((port) => to === `port ${port} of this host`),
    );
  const groups = groupsOf(native, { family, chains, searched: 'sent', steps: stepsTo(service, family), box });
  return groups.flatMap((group) => {
    const { action, to, certainty, boxes, rule, chain } = group;
    if (action === 'sent' && isShutToo(to)) return [];
    // An unknown statement in a chain that is not of type nat cannot redirect.
    if (action === 'unknown' && chain.type !== 'nat') return [];
    const isWhole = boxes.some(({ destinations }) => destinations === box.destinations);
    const isMany = isEverybody(sourcesOf(group), family);
    const kind =
      !isMany || certainty === 'few'
        ? 'exception'
        : certainty === 'unknown'
          ? 'unknown'
          : isWhole || namesPort(rule)
            ? 'open'
            : 'exception';
    const may = certainty === 'unknown' ? 'may redirect' : 'redirects';
    const where = action === 'unknown' ? '' : ` to ${to}`;
    const what = `${may} packets from ${whoOf(group, family, box)} to ${portsOf(service, group)}${where}, past knockctl's jump${kind === 'unknown' ? ': unknown, it cannot be judged' : ''}`;
    return [toExposure(native, { family, service, group, kind, what })];
  });
}

/**
 * Finds notrack before connection tracking: untracked packets never have state NEW, so a jump that matches NEW does not
 * see them.
 */
function untracked(
  native: Native,
  family: Family,
  service: Service,
  { tables, setting }: { readonly tables: readonly AllTables[]; readonly setting: Setting },
): Exposure[] {
  const own = tables.find((one) => one.family === family && one.backend === setting.backend);
  if (own === undefined) return [];
  const isOurs = jumpRecognizer(setting.services, setting.instances);
  const chains = native.ruleset.chains.filter(
    ({ hook, priority }) => hook === 'prerouting' && priority < BEFORE_TRACKING,
  );
  const box = fromOutside(service, family);
  const groups = groupsOf(native, {
    family,
    chains,
    searched: 'notrack',
    steps: stepsTo(service, family),
    box,
  });
  return groups
    .filter(({ action }) => action === 'notrack')
    .flatMap((group) => {
      const boxes = (port: number): readonly Box[] => (group.ports.includes(port) ? group.boxes : []);
      const past = waysTo(service, family, own.ruleset, isOurs, { boxes, state: 'UNTRACKED' })
        .flatMap(({ outcomes }) => outcomes)
        .filter(({ end }) => end === 'accept' || end === 'unknown');
      if (past.length === 0) return [];
      const sources = past.reduce<Ranges>((sum, { box: { sources: more } }) => union(sum, more), []);
      const isMany = isEverybody(sources, family) && group.certainty !== 'few';
      const kind = !isMany ? 'exception' : group.certainty === 'unknown' ? 'unknown' : 'open';
      const keeps = group.certainty === 'unknown' ? 'may disable' : 'disables';
      const what = `${keeps} connection tracking of packets from ${whoOf(group, family, box)} to ${portsOf(service, group)}, so that knockctl's jump never sees them as new`;
      return [toExposure(native, { family, service, group, kind, what })];
    });
}

/** The priority of prerouting at which connection tracking begins. */
const BEFORE_TRACKING = -200;

/** Finds drops: a drop in any base chain is final, whatever its priority. */
function refused(native: Native, family: Family, service: Service): Exposure[] {
  const hooks = isForOthers(service) ? ['forward'] : ['ingress', 'prerouting', 'input'];
  const chains = native.ruleset.chains.filter(({ hook }) => hooks.includes(hook));
  const box = fromOutside(service, family);
  return groupsOf(native, { family, chains, searched: 'drop', steps: stepsTo(service, family), box })
    .filter((group) => isCertain(group, family))
    .map((group) => {
      const what = `blocks ${whoOf(group, family, box)} at ${portsOf(service, group)}, even addresses that have knocked or are trusted`;
      return toExposure(native, { family, service, group, kind: 'refused', what });
    });
}

function isCertain(group: Group, family: Family): boolean {
  const isSure = group.boxes.every(({ certainty }) => certainty === 'sure');
  return group.action === 'drop' && isSure && isEverybody(sourcesOf(group), family);
}

/** Finds knocks that are dropped before the table that holds the doors' jump. */
function knocksDropped(native: Native, family: Family, { services, doors }: Setting): Exposure[] {
  const at = services.some(({ gate }) => gate === 'strict') ? MANGLE : FILTER;
  const chains = native.ruleset.chains.filter(
    ({ hook, priority }) =>
      hook === 'ingress' || hook === 'prerouting' || (hook === 'input' && priority <= at),
  );
  const box = fromOutside({ addresses: [] }, family);
  return doors(family).flatMap(({ name, sequence }) => {
    const steps = sequence.map(({ port, protocol }): NewConnection => {
      return { family, protocol, port, isForOthers: false, state: 'NEW' };
    });
    return groupsOf(native, { family, chains, searched: 'drop', steps, box })
      .filter((group) => isCertain(group, family))
      .map((group) => {
        const { chain, ports } = group;
        // Of two chains with one priority, the one made last comes first, and nft does not show which.
        const keeps = chain.hook === 'input' && chain.priority === at ? 'may keep' : 'keeps';
        const what = `${keeps} packets to ${ports.join(', ')} from the kernel part of door ${name}: only the listener sees such knocks`;
        return toExposure(native, { family, service: undefined, group, kind: 'knock', what });
      });
  });
}

const FILTER = 0;
const MANGLE = -150;

function stepsTo(service: Service, family: Family): NewConnection[] {
  const start = isForOthers(service) ? 'FORWARD' : 'INPUT';
  return service.ports.map((port) => connectionTo(service, family, port, start));
}

function portsOf({ protocol }: Service, { ports }: Group): string {
  return `${protocol} port ${ports.join(', ')}`;
}

function whoOf(group: Group, family: Family, { sources }: Box): string {
  return describeSources(group.boxes, sourcesOf(group), sources, family);
}

function namesPort(rule: NftRule | undefined): boolean {
  return JSON.stringify(rule?.statements ?? []).includes('"field":"dport"');
}

interface ExposureParts {
  readonly family: Family;
  readonly service: Service | undefined;
  readonly group: Group;
  readonly kind: Exposure['kind'];
  readonly what: string;
}

function toExposure({ texts }: Native, { family, service, group, kind, what }: ExposureParts): Exposure {
  const { chain, rule, ports, boxes } = group;
  const text = rule === undefined ? undefined : texts.get(`${rule.table} ${rule.handle}`);
  const subject: Subject = { chain, rule, text, ports, protocol: service?.protocol };
  return {
    ...{ kind, family, ports, service: service?.name ?? null },
    table: chain.table,
    chain: rule?.chain ?? chain.name,
    number: null,
    rule: text ?? null,
    sources: describeSources(boxes, sourcesOf(group), fromOutside({ addresses: [] }, family).sources, family),
    text: `IPv${family}: ${placeOf(subject)} ${what}`,
    fix: kind === 'exception' ? null : fixFor(subject, kind, namesPort(rule)),
  };
}
