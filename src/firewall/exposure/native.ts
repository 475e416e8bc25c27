/** What base chains of nft, beside the tables of iptables, decide about services and knocks. Pure. */
import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';
import { nftItems } from '../rules/nft-listing.js';
import { isForOthers, type Service } from '../model/service.js';
import { isConcerned, oursAmong, type Context, type Exposure } from './assess.js';
import type { Box } from './box.js';
import type { AllTables } from './elsewhere.js';
import { fromElsewhere, isEverybody, newcomerTo, waysTo } from './judge.js';
import type { Newcomer } from './newcomer.js';
import {
  passThrough,
  readRuleset,
  type BaseChain,
  type Deed,
  type NftOutcome,
  type NftRule,
  type NftRuleset,
} from './nft-chains.js';
import { fixed, placeOf, type Subject } from './native-words.js';
import { union, type Ranges } from './ranges.js';
import { whoComes } from './who.js';

/** The rules of nft as they are. */
export interface Native {
  readonly ruleset: NftRuleset;
  /** Each rule as nft prints it, by table and handle. */
  readonly texts: ReadonlyMap<string, string>;
}

export const NO_NATIVE: Native = { ruleset: { chains: [], rules: new Map() }, texts: new Map() };

/**
 * Reads what `nft -j list ruleset` and `nft -a list ruleset` print; `isTold`: tables that are known from elsewhere, `ip nat`. Throws
 * Error if it is no such document.
 */
export function readNative(json: string, text: string, isTold: (table: string) => boolean): Native {
  const texts = new Map<string, string>();
  let table = '';
  for (const line of text.split('\n')) {
    table = /^table (\S+ \S+) /.exec(line)?.[1] ?? table;
    const rule = /^\s*(.+) # handle (\d+)$/.exec(line);
    if (rule?.[1] !== undefined && !rule[1].endsWith('{')) texts.set(`${table} ${String(rule[2])}`, rule[1]);
  }
  return { ruleset: readRuleset(nftItems(json), isTold), texts };
}

type Setting = Pick<Context, 'services' | 'instances' | 'backend'> & {
  readonly families: readonly Family[];
  readonly doors: (family: Family) => readonly Door[];
};

/** What they decide; `tables`: those of iptables, which what is not tracked meets next. */
export function assessNative(native: Native, tables: readonly AllTables[], setting: Setting): Exposure[] {
  if (native.ruleset.chains.length === 0) return [];
  return setting.families.flatMap((family) => [
    ...setting.services
      .filter((service) => isConcerned(service, family))
      .flatMap((service) => [
        ...sentOn(native, family, service, setting),
        ...hidden(native, family, service, { tables, setting }),
        ...refused(native, family, service),
      ]),
    ...knocksDropped(native, family, setting),
  ]);
}

/** Where the connections of a kind go: by the rule that decides. */
interface Group {
  readonly chain: BaseChain;
  readonly rule: NftRule | undefined;
  readonly deed: Deed;
  readonly to: string;
  readonly certainty: 'sure' | 'few' | 'unknown';
  readonly boxes: Box[];
  readonly ports: number[];
}

interface Question {
  readonly family: Family;
  readonly chains: readonly BaseChain[];
  readonly looked: Deed;
  readonly steps: readonly Newcomer[];
  readonly box: Box;
}

/** What packets to these ports come to, by the rules that do what is looked for, or cannot be judged. */
function groupsOf({ ruleset }: Native, { family, chains, looked, steps, box }: Question): Group[] {
  const groups = new Map<string, Group>();
  for (const chain of chains) {
    if (!chain.families.includes(family)) continue;
    const start: Box = chain.ofDevice ? { ...box, certainty: 'unknown' } : box;
    for (const step of steps) {
      const met = passThrough(ruleset, chain, [start], step, looked);
      for (const one of met.filter(({ deed }) => deed === looked || deed === 'unknown')) {
        const certainty = certaintyOf(one);
        const key = `${chain.table} ${chain.name} ${one.rule?.handle ?? 'policy'} ${one.deed} ${one.to} ${certainty}`;
        const group = groups.get(key) ?? { ...one, chain, certainty, boxes: [], ports: [] };
        groups.set(key, group);
        group.boxes.push(one.box);
        if (!group.ports.includes(step.port)) group.ports.push(step.port);
      }
    }
  }
  return [...groups.values()];
}

function certaintyOf({ deed, box }: NftOutcome): Group['certainty'] {
  if (deed === 'unknown' || box.certainty === 'unknown') return 'unknown';
  return box.certainty === 'few' ? 'few' : 'sure';
}

function sourcesOf({ boxes }: Group): Ranges {
  return boxes.reduce<Ranges>((sum, { sources }) => union(sum, sources), []);
}

/** By dnat or redirect: what comes to a port of ours then comes to another, or to another host. */
function sentOn(native: Native, family: Family, service: Service, { services }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return [];
  const chains = native.ruleset.chains.filter(({ hook }) => hook === 'prerouting' || hook === 'ingress');
  const box = fromElsewhere(service, family);
  const isShutToo = (to: string): boolean =>
    to === '' ||
    services.some(
      ({ protocol, ports, chain }) =>
        chain === 'INPUT' &&
        protocol === service.protocol &&
        ports.some((port) => to === `port ${port} of this host`),
    );
  const groups = groupsOf(native, { family, chains, looked: 'sent', steps: stepsTo(service, family), box });
  return groups.flatMap((group) => {
    const { deed, to, certainty, boxes, rule, chain } = group;
    if (deed === 'sent' && isShutToo(to)) return [];
    // What nothing tells in a chain that cannot send on sends nothing on.
    if (deed === 'unknown' && chain.type !== 'nat') return [];
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
    const may = certainty === 'unknown' ? 'may send' : 'sends';
    const where = deed === 'unknown' ? '' : ` to ${to}`;
    const what = `${may} what ${whoOf(group, family, box)} sends to ${portsOf(service, group)} on${where}, past our jump${kind === 'unknown' ? ': unknown, it cannot be judged' : ''}`;
    return [told(native, { family, service, group, kind, what })];
  });
}

/** By notrack before the kernel tracks: what is not tracked is never new, and a jump that asks for NEW does not see it. */
function hidden(
  native: Native,
  family: Family,
  service: Service,
  { tables, setting }: { readonly tables: readonly AllTables[]; readonly setting: Setting },
): Exposure[] {
  const own = tables.find((one) => one.family === family && one.backend === setting.backend);
  if (own === undefined) return [];
  const isOurs = oursAmong(setting.services, setting.instances);
  const chains = native.ruleset.chains.filter(
    ({ hook, priority }) => hook === 'prerouting' && priority < BEFORE_TRACKING,
  );
  const box = fromElsewhere(service, family);
  const groups = groupsOf(native, {
    family,
    chains,
    looked: 'notrack',
    steps: stepsTo(service, family),
    box,
  });
  return groups
    .filter(({ deed }) => deed === 'notrack')
    .flatMap((group) => {
      const boxes = (port: number): readonly Box[] => (group.ports.includes(port) ? group.boxes : []);
      const past = waysTo(service, family, own.ruleset, isOurs, { boxes, state: 'UNTRACKED' })
        .flatMap(({ outcomes }) => outcomes)
        .filter(({ end }) => end === 'accept' || end === 'unknown');
      if (past.length === 0) return [];
      const sources = past.reduce<Ranges>((sum, { box: { sources: more } }) => union(sum, more), []);
      const isMany = isEverybody(sources, family) && group.certainty !== 'few';
      const kind = !isMany ? 'exception' : group.certainty === 'unknown' ? 'unknown' : 'open';
      const keeps = group.certainty === 'unknown' ? 'may keep' : 'keeps';
      const what = `${keeps} the kernel from tracking what ${whoOf(group, family, box)} sends to ${portsOf(service, group)}, so that our jump never sees it as new`;
      return [told(native, { family, service, group, kind, what })];
    });
}

/** Connection tracking begins at this priority of prerouting. */
const BEFORE_TRACKING = -200;

/** A drop in any base chain is final, whatever its priority. */
function refused(native: Native, family: Family, service: Service): Exposure[] {
  const hooks = isForOthers(service) ? ['forward'] : ['ingress', 'prerouting', 'input'];
  const chains = native.ruleset.chains.filter(({ hook }) => hooks.includes(hook));
  const box = fromElsewhere(service, family);
  return groupsOf(native, { family, chains, looked: 'drop', steps: stepsTo(service, family), box })
    .filter((group) => isCertain(group, family))
    .map((group) => {
      const what = `keeps out ${whoOf(group, family, box)} at ${portsOf(service, group)}, whoever has knocked or is trusted included`;
      return told(native, { family, service, group, kind: 'refused', what });
    });
}

function isCertain(group: Group, family: Family): boolean {
  const isSure = group.boxes.every(({ certainty }) => certainty === 'sure');
  return group.deed === 'drop' && isSure && isEverybody(sourcesOf(group), family);
}

/** Knocks that come to no door of the kernel: dropped in front of the table that its jump is in. */
function knocksDropped(native: Native, family: Family, { services, doors }: Setting): Exposure[] {
  const at = services.some(({ gate }) => gate === 'strict') ? MANGLE : FILTER;
  const chains = native.ruleset.chains.filter(
    ({ hook, priority }) =>
      hook === 'ingress' || hook === 'prerouting' || (hook === 'input' && priority <= at),
  );
  const box = fromElsewhere({ addresses: [] }, family);
  return doors(family).flatMap(({ name, sequence }) => {
    const steps = sequence.map(({ port, protocol }): Newcomer => {
      return { family, protocol, port, isForOthers: false, state: 'NEW' };
    });
    return groupsOf(native, { family, chains, looked: 'drop', steps, box })
      .filter((group) => isCertain(group, family))
      .map((group) => {
        const { chain, ports } = group;
        // Of two chains of one priority the one that was made last comes first, and nft does not tell which.
        const keeps = chain.hook === 'input' && chain.priority === at ? 'may keep' : 'keeps';
        const what = `${keeps} packets to ${ports.join(', ')} from the kernel's part of door ${name}: such knocks are heard by the listener alone`;
        return told(native, { family, service: undefined, group, kind: 'knock', what });
      });
  });
}

const FILTER = 0;
const MANGLE = -150;

function stepsTo(service: Service, family: Family): Newcomer[] {
  const start = isForOthers(service) ? 'FORWARD' : 'INPUT';
  return service.ports.map((port) => newcomerTo(service, family, port, start));
}

function portsOf({ protocol }: Service, { ports }: Group): string {
  return `${protocol} port ${ports.join(', ')}`;
}

function whoOf(group: Group, family: Family, { sources }: Box): string {
  return whoComes(group.boxes, sourcesOf(group), sources, family);
}

function namesPort(rule: NftRule | undefined): boolean {
  return JSON.stringify(rule?.statements ?? []).includes('"field":"dport"');
}

interface Told {
  readonly family: Family;
  readonly service: Service | undefined;
  readonly group: Group;
  readonly kind: Exposure['kind'];
  readonly what: string;
}

function told({ texts }: Native, { family, service, group, kind, what }: Told): Exposure {
  const { chain, rule, ports, boxes } = group;
  const text = rule === undefined ? undefined : texts.get(`${rule.table} ${rule.handle}`);
  const subject: Subject = { chain, rule, text, ports, protocol: service?.protocol };
  return {
    ...{ kind, family, ports, service: service?.name ?? null },
    table: chain.table,
    chain: rule?.chain ?? chain.name,
    number: null,
    rule: text ?? null,
    sources: whoComes(boxes, sourcesOf(group), fromElsewhere({ addresses: [] }, family).sources, family),
    text: `IPv${family}: ${placeOf(subject)} ${what}`,
    fix: kind === 'exception' ? null : fixed(subject, kind, namesPort(rule)),
  };
}
