/** What tables other than filter do to new connections: redirect them, hide them from the jump, or drop them. Pure. */
import type { Family } from '../../base/address.js';
import { findTable } from '../../iptables-parser/query.js';
import { deletion, type Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { BackendName } from '../model/backend-name.js';
import type { Service } from '../model/service.js';
import { isConcerned, describePath, jumpRecognizer, type Context, type Exposure } from './assess.js';
import type { Box } from './box.js';
import { fromOutside, isEverybody, connectionTo, pathKey, verdictOf, waysTo } from './judge.js';
import { union, type Ranges } from './ranges.js';
import { walk, type Outcome, type Verdict } from './walk.js';
import { describeSources } from './who.js';

/** All tables of one family in one back end. */
export interface AllTables {
  readonly backend: BackendName;
  readonly family: Family;
  readonly ruleset: Ruleset;
}

type Setting = Pick<Context, 'services' | 'instances' | 'backend' | 'hook'>;

/** Returns what rules of other tables and of the other back end decide about services. */
export function assessElsewhere(tables: readonly AllTables[], setting: Setting): Exposure[] {
  return tables.flatMap((all) =>
    setting.services
      .filter((service) => isConcerned(service, all.family))
      .flatMap((service) => [
        ...redirected(all, service, setting),
        ...untracked(all, service, setting),
        ...refused(all, service, setting),
      ]),
  );
}

/** Finds DNAT and REDIRECT in nat: packets to a protected port then go to another port or host. */
function redirected(all: AllTables, service: Service, { services }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return []; // a forwarded service is behind DNAT anyway
  const isShutToo = (port: number): boolean =>
    services.some(
      ({ protocol, ports, chain }) =>
        protocol === service.protocol && chain === 'INPUT' && ports.includes(port),
    );
  const verdict: Verdict<'sent' | 'stays'> = ({ target }) => {
    if (target?.name === 'DNAT' || target?.name === 'REDIRECT') return 'sent';
    if (target?.name === 'RETURN') return 'return';
    if (target?.name === 'ACCEPT') return 'stays';
    return target === undefined || ENDS_NOTHING.has(target.name) ? 'continue' : undefined;
  };
  return decided(all, service, { table: 'nat', chain: 'PREROUTING', verdict, end: 'sent' }).flatMap((one) => {
    const { rule } = one.path.at(-1) ?? {};
    const to =
      rule?.target?.options
        .flatMap(({ name, values }) => (name.startsWith('--to') ? values : []))
        .join(' ') ?? '';
    if (rule?.target?.name === 'REDIRECT' && (to === '' || isShutToo(Number(to)))) return [];
    const isOpen =
      isEverybody(one.sources, all.family) && (one.isWhole || one.path.some(({ rule: by }) => namesPort(by)));
    const where = rule?.target?.name === 'REDIRECT' ? `port ${to} of this host` : to;
    const what = `redirects packets from ${one.who} to ${service.protocol} port ${one.ports.join(', ')} to ${where}, past knockctl's jump`;
    return [toExposure(all, service, isOpen ? 'open' : 'exception', one, 'nat', what)];
  });
}

/** Finds NOTRACK in raw: untracked packets never have state NEW, so a jump that matches NEW does not see them. */
function untracked(all: AllTables, service: Service, { instances, services }: Setting): Exposure[] {
  const verdict: Verdict<'untracked' | 'stays'> = ({ target }) => {
    if (target?.name === 'NOTRACK') return 'untracked';
    if (target?.name === 'CT')
      return target.options.some(({ name }) => name === '--notrack') ? 'untracked' : 'continue';
    if (target?.name === 'RETURN') return 'return';
    if (target?.name === 'ACCEPT' || target?.name === 'DROP') return 'stays';
    return target === undefined || ENDS_NOTHING.has(target.name) ? 'continue' : undefined;
  };
  const isOurs = jumpRecognizer(services, instances);
  return decided(all, service, { table: 'raw', chain: 'PREROUTING', verdict, end: 'untracked' }).flatMap(
    (one) => {
      const boxes = (port: number): readonly Box[] => (one.ports.includes(port) ? one.boxes : []);
      const past = waysTo(service, all.family, all.ruleset, isOurs, { boxes, state: 'UNTRACKED' })
        .flatMap(({ outcomes }) => outcomes)
        .filter(({ end }) => end === 'accept' || end === 'unknown');
      if (past.length === 0) return [];
      const sources = past.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
      const what = `disables connection tracking of packets from ${one.who} to ${service.protocol} port ${one.ports.join(', ')}, so that knockctl's jump never sees them as new`;
      return [
        toExposure(all, service, isEverybody(sources, all.family) ? 'open' : 'exception', one, 'raw', what),
      ];
    },
  );
}

/** The other chains that a packet passes before the jump, or in the other back end. */
const PASSED = [
  ['raw', 'PREROUTING'],
  ['mangle', 'PREROUTING'],
  ['nat', 'PREROUTING'],
  ['mangle', 'INPUT'],
  ['filter', 'INPUT'],
] as const;

/** Finds drops: a DROP in any table of either back end is final. */
function refused(all: AllTables, service: Service, { backend, services, instances }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return [];
  const isOurs = jumpRecognizer(services, instances);
  const verdict: Verdict<'refuse' | 'stays'> = (rule) => {
    const ours = isOurs(rule);
    if (ours !== undefined) return ours === 'ours' ? 'stays' : 'continue';
    const plain = verdictOf(rule);
    if (plain === 'accept' || plain === 'ours') return 'stays';
    if (plain !== undefined || rule.target === undefined) return plain;
    return ENDS_NOTHING.has(rule.target.name) ? 'continue' : undefined;
  };
  return PASSED.filter(([table]) => table !== 'filter' || all.backend !== backend).flatMap(([table, chain]) =>
    decided(all, service, { table, chain, verdict, end: 'refuse' })
      .filter((one) => one.isSure && isEverybody(one.sources, all.family))
      .map((one) => {
        const where = `${service.protocol} port ${one.ports.join(', ')}`;
        const what = `blocks ${one.who} at ${where}, even addresses that have knocked or are trusted`;
        return toExposure(all, service, 'refused', one, table, what);
      }),
  );
}

interface Decided {
  readonly path: Outcome<string>['path'];
  readonly ports: readonly number[];
  readonly boxes: readonly Box[];
  readonly sources: Ranges;
  readonly who: string;
  /** Applies to all addresses of this host. */
  readonly isWhole: boolean;
  readonly isSure: boolean;
}

interface Question<End extends string> {
  readonly table: string;
  readonly chain: string;
  readonly verdict: Verdict<End>;
  readonly end: End;
}

/** Returns the rules of a chain that bring packets to a service to this end. */
function decided<End extends string>(
  { family, ruleset }: AllTables,
  service: Service,
  { table, chain, verdict, end }: Question<End | 'stays'>,
): Decided[] {
  const found = findTable(ruleset, table);
  if (found === undefined) return [];
  const whole = fromOutside(service, family);
  const groups = new Map<string, { path: Outcome<string>['path']; ports: number[]; boxes: Box[] }>();
  for (const port of service.ports) {
    const newcomer = connectionTo(service, family, port, chain);
    const dropped = (policy: string): End | 'stays' => (policy === 'DROP' ? end : 'stays');
    for (const outcome of walk<End | 'stays'>(found, chain, [whole], newcomer, verdict, dropped)) {
      if (outcome.end !== end) continue;
      const group = groups.get(pathKey(outcome.path)) ?? { path: outcome.path, ports: [], boxes: [] };
      groups.set(pathKey(outcome.path), group);
      if (!group.ports.includes(port)) group.ports.push(port);
      group.boxes.push(outcome.box);
    }
  }
  return [...groups.values()].map((group) => {
    const sources = group.boxes.reduce<Ranges>((sum, box) => union(sum, box.sources), []);
    return {
      ...group,
      sources,
      who: describeSources(group.boxes, sources, whole.sources, family),
      isWhole: group.boxes.some(({ destinations }) => destinations === whole.destinations),
      isSure: group.boxes.every(({ certainty }) => certainty === 'sure'),
    };
  });
}

const ENDS_NOTHING = new Set([
  'MASQUERADE',
  'SNAT',
  'NETMAP',
  'TPROXY',
  'CT',
  'NOTRACK',
  'LOG',
  'MARK',
  'CONNMARK',
  'SET',
]);

function namesPort({ matches }: Rule): boolean {
  return matches.some(({ options }) =>
    options.some(({ name, negated }) => /^--dports?$/.test(name) && !negated),
  );
}

function toExposure(
  { family, backend }: AllTables,
  service: Service,
  kind: 'open' | 'exception' | 'refused',
  { path, ports, who }: Decided,
  table: string,
  what: string,
): Exposure {
  const last = path.at(-1);
  const tool = `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
  const where = last === undefined ? `the policy of table ${table}` : describePath(path, service);
  return {
    kind,
    service: service.name,
    family,
    ports,
    table,
    chain: last?.chain ?? null,
    number: last?.number ?? null,
    rule: last?.rule.text ?? null,
    sources: who,
    text: `IPv${family}: in table ${table}, ${where} ${what}`,
    fix:
      kind === 'exception' || last === undefined ? null : `${tool} -t ${table} ${deletion(last.rule).text}`,
  };
}
