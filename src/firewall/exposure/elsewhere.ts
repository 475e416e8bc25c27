/** What other tables than filter do to new connections: they are sent on, hidden from our jump, or dropped. Pure. */
import type { Family } from '../../base/address.js';
import { findTable } from '../../iptables-parser/query.js';
import { deletion, type Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { BackendName } from '../model/backend-name.js';
import type { Service } from '../model/service.js';
import { isConcerned, named, oursAmong, type Context, type Exposure } from './assess.js';
import type { Box } from './box.js';
import { fromElsewhere, isEverybody, newcomerTo, pathKey, verdictOf, waysTo } from './judge.js';
import { union, type Ranges } from './ranges.js';
import { walk, type Outcome, type Verdict } from './walk.js';
import { whoComes } from './who.js';

/** All tables of one family in one back end. */
export interface AllTables {
  readonly backend: BackendName;
  readonly family: Family;
  readonly ruleset: Ruleset;
}

type Setting = Pick<Context, 'services' | 'instances' | 'backend' | 'hook'>;

/** What rules of other tables, and of the other back end, decide about services of ours. */
export function assessElsewhere(tables: readonly AllTables[], setting: Setting): Exposure[] {
  return tables.flatMap((all) =>
    setting.services
      .filter((service) => isConcerned(service, all.family))
      .flatMap((service) => [
        ...sentOn(all, service, setting),
        ...hidden(all, service, setting),
        ...refused(all, service, setting),
      ]),
  );
}

/** By DNAT or REDIRECT in nat: what comes to a port of ours then comes to another, or to another host. */
function sentOn(all: AllTables, service: Service, { services }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return []; // behind us is where it belongs then
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
    const what = `sends what ${one.who} sends to ${service.protocol} port ${one.ports.join(', ')} on to ${where}, past our jump`;
    return [told(all, service, isOpen ? 'open' : 'exception', one, 'nat', what)];
  });
}

/** By NOTRACK in raw: what is not tracked is never new, and a jump that asks for NEW does not see it. */
function hidden(all: AllTables, service: Service, { instances, services }: Setting): Exposure[] {
  const verdict: Verdict<'untracked' | 'stays'> = ({ target }) => {
    if (target?.name === 'NOTRACK') return 'untracked';
    if (target?.name === 'CT')
      return target.options.some(({ name }) => name === '--notrack') ? 'untracked' : 'continue';
    if (target?.name === 'RETURN') return 'return';
    if (target?.name === 'ACCEPT' || target?.name === 'DROP') return 'stays';
    return target === undefined || ENDS_NOTHING.has(target.name) ? 'continue' : undefined;
  };
  const isOurs = oursAmong(services, instances);
  return decided(all, service, { table: 'raw', chain: 'PREROUTING', verdict, end: 'untracked' }).flatMap(
    (one) => {
      const boxes = (port: number): readonly Box[] => (one.ports.includes(port) ? one.boxes : []);
      const past = waysTo(service, all.family, all.ruleset, isOurs, { boxes, state: 'UNTRACKED' })
        .flatMap(({ outcomes }) => outcomes)
        .filter(({ end }) => end === 'accept' || end === 'unknown');
      if (past.length === 0) return [];
      const sources = past.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
      const what = `keeps the kernel from tracking what ${one.who} sends to ${service.protocol} port ${one.ports.join(', ')}, so that our jump never sees it as new`;
      return [told(all, service, isEverybody(sources, all.family) ? 'open' : 'exception', one, 'raw', what)];
    },
  );
}

/** The chains besides our own that a packet for us passes in front of it, or in the other back end at all. */
const PASSED = [
  ['raw', 'PREROUTING'],
  ['mangle', 'PREROUTING'],
  ['nat', 'PREROUTING'],
  ['mangle', 'INPUT'],
  ['filter', 'INPUT'],
] as const;

/** A DROP in any table is final, and in either back end. */
function refused(all: AllTables, service: Service, { backend, services, instances }: Setting): Exposure[] {
  if (service.chain !== 'INPUT') return [];
  const isOurs = oursAmong(services, instances);
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
        const what = `keeps out ${one.who} at ${where}, whoever has knocked or is trusted included`;
        return told(all, service, 'refused', one, table, what);
      }),
  );
}

interface Decided {
  readonly path: Outcome<string>['path'];
  readonly ports: readonly number[];
  readonly boxes: readonly Box[];
  readonly sources: Ranges;
  readonly who: string;
  /** Whatever address of this host it is for. */
  readonly isWhole: boolean;
  readonly isSure: boolean;
}

interface Question<End extends string> {
  readonly table: string;
  readonly chain: string;
  readonly verdict: Verdict<End>;
  readonly end: End;
}

/** The rules of a chain by which packets to a service come to this end. */
function decided<End extends string>(
  { family, ruleset }: AllTables,
  service: Service,
  { table, chain, verdict, end }: Question<End | 'stays'>,
): Decided[] {
  const found = findTable(ruleset, table);
  if (found === undefined) return [];
  const whole = fromElsewhere(service, family);
  const groups = new Map<string, { path: Outcome<string>['path']; ports: number[]; boxes: Box[] }>();
  for (const port of service.ports) {
    const newcomer = newcomerTo(service, family, port, chain);
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
      who: whoComes(group.boxes, sources, whole.sources, family),
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

function told(
  { family, backend }: AllTables,
  service: Service,
  kind: 'open' | 'exception' | 'refused',
  { path, ports, who }: Decided,
  table: string,
  what: string,
): Exposure {
  const last = path.at(-1);
  const tool = `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
  const where = last === undefined ? `the policy of table ${table}` : named(path, service);
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
