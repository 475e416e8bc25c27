/** Builds the report of rules that decide before knockctl's jumps. Pure. */
import type { Family } from '../../base/address.js';
import { deletion, type Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { BackendName } from '../model/backend-name.js';
import { doorsLabel } from '../model/door-names.js';
import { chainPrefix, hiddenTag, jumpTag } from '../model/names.js';
import type { Service } from '../model/service.js';
import { findingsBefore, type Kind, type Finding } from './findings.js';
import { worse, type Box } from './box.js';
import { pathKey, waysPastGate, waysTo, type IsOurs, type Ways } from './judge.js';
import { chainBefore } from '../rules/gate.js';
import type { TableName } from '../model/table-name.js';
import type { Place } from './walk.js';

/** A rule or policy that decides about a service before knockctl does. */
export interface Exposure {
  /**
   * `knock`: packets to knock ports do not reach the kernel doors; `note`: a rule that has no effect because of a
   * strict gate, or one that bypasses the gate but not filter.
   */
  readonly kind: Kind | 'knock' | 'note';
  /** The service; null for `knock`, because doors may act on several. */
  readonly service: string | null;
  readonly family: Family;
  /** The affected ports of the service; for `knock`, the knock ports. */
  readonly ports: readonly number[];
  /** The table of the rule, and its place: chain, and number as in `iptables -L CHAIN --line-numbers`. */
  readonly table: string;
  readonly chain: string | null;
  readonly number: number | null;
  /** The rule as iptables-save prints it; null if a chain's policy or no rule decides. */
  readonly rule: string | null;
  /** The affected sources, in words: `everybody`, `10.0.0.0/8`. */
  readonly sources: string;
  /** What it means, in one sentence. */
  readonly text: string;
  /** The command that fixes it; null if there is none. */
  readonly fix: string | null;
}

/** The context in which a family's rules are judged. */
export interface Context {
  readonly services: readonly Service[];
  readonly family: Family;
  readonly backend: BackendName;
  /** The instances of kernel doors. */
  readonly instances: readonly string[];
  readonly hook: 'first' | 'last';
}

/**
 * Returns what decides about new connections to services before knockctl's jumps, in the filter table of one family;
 * `mangle`: the table of strict gates.
 */
export function assess(ruleset: Ruleset, context: Context, mangle?: Ruleset): Exposure[] {
  const { services, family } = context;
  const isOurs = jumpRecognizer(services, context.instances);
  return services.flatMap((service) => {
    if (!isConcerned(service, family)) return [];
    const met = findingsBefore(service, family, waysTo(service, family, ruleset, isOurs));
    const round =
      service.gate === 'strict' && mangle !== undefined
        ? waysPastGate(service, family, mangle, isOurs)
        : undefined;
    if (round === undefined) return met.map((one) => toExposure(one, service, context));
    return behindGate(met, round, { ruleset, isOurs, service, context });
  });
}

interface GateContext {
  readonly ruleset: Ruleset;
  readonly isOurs: IsOurs;
  readonly service: Service;
  readonly context: Context;
}

/** With a strict gate in force, a rule of filter only admits sources that a rule of mangle has let bypass the gate. */
function behindGate(
  met: readonly Finding[],
  round: readonly Ways[],
  { ruleset, isOurs, service, context }: GateContext,
): Exposure[] {
  const { family } = context;
  const boxes = (port: number): readonly Box[] =>
    round
      .filter((ways) => ways.port === port)
      .flatMap(({ outcomes }) => outcomes)
      .map(({ end, box }) =>
        end === 'unknown' ? { ...box, certainty: worse(box.certainty, 'unknown') } : box,
      );
  const ways = waysTo(service, family, ruleset, isOurs, { boxes, state: 'NEW' });
  const passing = findingsBefore(service, family, ways).filter(({ kind }) => kind !== 'refused');
  const isPassing = ({ path }: Finding): boolean =>
    passing.some((one) => pathKey(one.path) === pathKey(path));
  const notes = met.filter((one) => one.kind !== 'refused' && !isPassing(one));
  return [
    ...[...passing, ...met.filter(({ kind }) => kind === 'refused')].map((one) =>
      toExposure(one, service, context),
    ),
    ...notes.map((one) => withoutEffect(toExposure(one, service, context), one, service)),
    ...findingsBefore(service, family, round).map((one) => bypassesGate(one, service, context)),
  ];
}

function withoutEffect(
  exposure: Exposure,
  { family, path, ports, who }: Finding,
  service: Service,
): Exposure {
  const where = `${service.protocol} port ${ports.join(', ')}`;
  const text = `IPv${family}: ${describePath(path, service)} would accept ${who} at ${where}, but has no effect: gate = strict`;
  return { ...exposure, kind: 'note', text, fix: null };
}

function bypassesGate(met: Finding, service: Service, context: Context): Exposure {
  const { family, path, ports, who } = met;
  const where = `${service.protocol} port ${ports.join(', ')}`;
  const last = path.at(-1);
  const seen = { chain: chainBefore(service.chain) ?? service.chain };
  const text = `IPv${family}: in table mangle, ${describePath(path, seen)} lets ${who} bypass the strict gate at ${where}: only table filter decides about them`;
  const fix = commandFor(path, context, 'mangle');
  return {
    ...toExposure(met, service, context),
    kind: 'note',
    table: 'mangle',
    rule: last?.rule.text ?? null,
    text,
    fix,
  };
}

/** False for a service whose addresses are all of the other family. */
export function isConcerned({ addresses }: Pick<Service, 'addresses'>, family: Family): boolean {
  return addresses.length === 0 || addresses.some((text) => text.includes(':') === (family === 6));
}

/** Recognises knockctl's jumps by comment and target: any program can set a comment. */
export function jumpRecognizer(
  services: readonly Pick<Service, 'name'>[],
  instances: readonly string[],
): IsOurs {
  const labels = instances.map(doorsLabel);
  return (rule) => {
    if (!rule.text.includes('knockctl:')) return undefined;
    const { comments, target } = rule;
    const name = target?.name ?? '';
    if (
      services.some((one) => comments.includes(jumpTag(one.name)) && name.startsWith(chainPrefix(one.name)))
    )
      return 'ours';
    // Rules for packets that hide their protocol or port: they drop some, and accept none.
    if (
      services.some((one) => comments.includes(hiddenTag(one.name)) && name.startsWith(chainPrefix(one.name)))
    )
      return 'continue';
    return labels.some((label) => comments.includes(jumpTag(label)) && name === label)
      ? 'continue'
      : undefined;
  };
}

function toExposure(met: Finding, service: Service, context: Context): Exposure {
  const { kind, family, ports, path, who } = met;
  const last = path.at(-1);
  const where = `${service.protocol} port ${ports.join(', ')}`;
  return {
    kind,
    service: service.name,
    family,
    ports,
    table: 'filter',
    chain: last?.chain ?? null,
    number: last?.number ?? null,
    rule: last?.rule.text ?? null,
    sources: who,
    text: `IPv${family}: ${describePath(path, service)} ${MEANS[kind](who, where)}`,
    fix: fixFor(kind, path, service, context),
  };
}

const MEANS: Readonly<Record<Kind, (who: string, where: string) => string>> = {
  open: (who, where) => `accepts ${who} at ${where} before knockctl's rules`,
  exception: (who, where) => `accepts ${who} at ${where} without a knock`,
  unknown: (who, where) => `may accept ${who} at ${where}: unknown, its conditions cannot be judged`,
  refused: (who, where) => `blocks ${who} at ${where}, even addresses that have knocked or are trusted`,
};

/** Describes the deciding rule: `rule 2 of mine (-A mine -j ACCEPT), reached by rule 1 of INPUT`. */
export function describePath(path: readonly Place[], { chain }: Pick<Service, 'chain'>): string {
  const last = path.at(-1);
  if (last === undefined) return `packets that never reach knockctl's jump in ${chain} meet a policy, which`;
  const by = path.slice(0, -1).map((place) => `rule ${place.number} of ${place.chain}`);
  const reached = by.length === 0 ? '' : `, reached by ${by.join(' and ')},`;
  return `rule ${last.number} of ${last.chain} (${last.rule.text})${reached}`;
}

function fixFor(
  kind: Kind,
  path: readonly Place[],
  { name, chain }: Service,
  context: Context,
): string | null {
  if (kind === 'exception') return null;
  return (
    commandFor(path, context) ??
    `add a rule that sends all of it to ${chain}, or set chain = INPUT (FORWARD on a gateway) in [service.${name}]`
  );
}

/** Returns the commands that delete a rule, or move it after knockctl's jump; null if no rule decides. */
export function commandFor(
  path: readonly Place[],
  { hook, family, backend }: Context,
  table: TableName = 'filter',
): string | null {
  const last = path.at(-1)?.rule;
  if (last === undefined) return null;
  const name = `${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`;
  const tool = table === 'filter' ? name : `${name} -t ${table}`;
  const first = path[0]?.rule ?? last;
  const moved =
    hook === 'last' && table === 'filter' ? 'hook = first in [firewall]' : movedBehind(tool, first);
  return `${tool} ${deletion(last).text}; to keep it, after knockctl's jump: ${moved}`;
}

function movedBehind(tool: string, rule: Rule): string {
  return `${tool} ${deletion(rule).text} && ${tool} -A ${rule.chain ?? ''} ${rule.specText}`;
}
