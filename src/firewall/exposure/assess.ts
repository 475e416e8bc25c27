/** What stands between our jump and the world, as it is reported. Pure. */
import type { Family } from '../../base/address.js';
import { deletion, type Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { BackendName } from '../model/backend-name.js';
import { doorsLabel } from '../model/door-names.js';
import { chainPrefix, hiddenTag, jumpTag } from '../model/names.js';
import type { Service } from '../model/service.js';
import { metBefore, type Kind, type Met } from './findings.js';
import { worse, type Box } from './box.js';
import { pathKey, waysRoundGate, waysTo, type IsOurs, type Ways } from './judge.js';
import { chainBefore } from '../rules/gate.js';
import type { TableName } from '../model/table-name.js';
import type { Place } from './walk.js';

/** Something that decides about a service before knockctl does. */
export interface Exposure {
  /**
   * `knock`: packets to knock ports do not come to the doors of the kernel; `note`: a rule that has no effect beside a strict
   * gate, or gets round the gate and not round filter.
   */
  readonly kind: Kind | 'knock' | 'note';
  /** Null for `knock`: doors may act on several. */
  readonly service: string | null;
  readonly family: Family;
  /** Ports of the service that it is about; for `knock`, the knock ports. */
  readonly ports: readonly number[];
  /** The table of the rule, and where it stands there: as `iptables -L CHAIN --line-numbers` counts. */
  readonly table: string;
  readonly chain: string | null;
  readonly number: number | null;
  /** As iptables-save prints it; null where the policy of a chain decides, or no rule does. */
  readonly rule: string | null;
  /** The sources that it is about, in words: `everybody`, `10.0.0.0/8`. */
  readonly sources: string;
  /** What it means, in a sentence. */
  readonly text: string;
  /** The command that fixes it; null where there is none. */
  readonly fix: string | null;
}

/** What the rules of a family are judged by. */
export interface Context {
  readonly services: readonly Service[];
  readonly family: Family;
  readonly backend: BackendName;
  /** The instances of our doors in the kernel. */
  readonly instances: readonly string[];
  readonly hook: 'first' | 'last';
}

/** What decides about new connections to our services before our jumps do, by the filter table of one family. */
export function assess(ruleset: Ruleset, context: Context, mangle?: Ruleset): Exposure[] {
  const { services, family } = context;
  const isOurs = oursAmong(services, context.instances);
  return services.flatMap((service) => {
    if (!isConcerned(service, family)) return [];
    const met = metBefore(service, family, waysTo(service, family, ruleset, isOurs));
    const round =
      service.gate === 'strict' && mangle !== undefined
        ? waysRoundGate(service, family, mangle, isOurs)
        : undefined;
    if (round === undefined) return met.map((one) => told(one, service, context));
    return behindGate(met, round, { ruleset, isOurs, service, context });
  });
}

interface Behind {
  readonly ruleset: Ruleset;
  readonly isOurs: IsOurs;
  readonly service: Service;
  readonly context: Context;
}

/** With a second gate in force a rule of filter lets in whom one of mangle has let get round the gate, and nobody else. */
function behindGate(
  met: readonly Met[],
  round: readonly Ways[],
  { ruleset, isOurs, service, context }: Behind,
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
  const passing = metBefore(service, family, ways).filter(({ kind }) => kind !== 'refused');
  const isPassing = ({ path }: Met): boolean => passing.some((one) => pathKey(one.path) === pathKey(path));
  const notes = met.filter((one) => one.kind !== 'refused' && !isPassing(one));
  return [
    ...[...passing, ...met.filter(({ kind }) => kind === 'refused')].map((one) =>
      told(one, service, context),
    ),
    ...notes.map((one) => idle(told(one, service, context), one, service)),
    ...metBefore(service, family, round).map((one) => roundGate(one, service, context)),
  ];
}

function idle(exposure: Exposure, { family, path, ports, who }: Met, service: Service): Exposure {
  const where = `${service.protocol} port ${ports.join(', ')}`;
  const text = `IPv${family}: ${named(path, service)} would let in ${who} at ${where}, and has no effect: gate = strict`;
  return { ...exposure, kind: 'note', text, fix: null };
}

function roundGate(met: Met, service: Service, context: Context): Exposure {
  const { family, path, ports, who } = met;
  const where = `${service.protocol} port ${ports.join(', ')}`;
  const last = path.at(-1);
  const seen = { chain: chainBefore(service.chain) ?? service.chain };
  const text = `IPv${family}: in table mangle, ${named(path, seen)} lets ${who} get round the strict gate at ${where}: for them the table filter alone decides`;
  const fix = commandFor(path, context, 'mangle');
  return {
    ...told(met, service, context),
    kind: 'note',
    table: 'mangle',
    rule: last?.rule.text ?? null,
    text,
    fix,
  };
}

/** False for a service of addresses of the other family alone. */
export function isConcerned({ addresses }: Pick<Service, 'addresses'>, family: Family): boolean {
  return addresses.length === 0 || addresses.some((text) => text.includes(':') === (family === 6));
}

/** Knows jumps of ours by their comment, and by where they lead: a comment alone can be anybody's. */
export function oursAmong(services: readonly Pick<Service, 'name'>[], instances: readonly string[]): IsOurs {
  const labels = instances.map(doorsLabel);
  return (rule) => {
    if (!rule.text.includes('knockctl:')) return undefined;
    const { comments, target } = rule;
    const name = target?.name ?? '';
    if (
      services.some((one) => comments.includes(jumpTag(one.name)) && name.startsWith(chainPrefix(one.name)))
    )
      return 'ours';
    // Rules for packets that hide what they are: they drop some, and let none in.
    if (
      services.some((one) => comments.includes(hiddenTag(one.name)) && name.startsWith(chainPrefix(one.name)))
    )
      return 'continue';
    return labels.some((label) => comments.includes(jumpTag(label)) && name === label)
      ? 'continue'
      : undefined;
  };
}

function told(met: Met, service: Service, context: Context): Exposure {
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
    text: `IPv${family}: ${named(path, service)} ${MEANS[kind](who, where)}`,
    fix: fixed(kind, path, service, context),
  };
}

const MEANS: Readonly<Record<Kind, (who: string, where: string) => string>> = {
  open: (who, where) => `lets in ${who} at ${where}, before knockctl is asked`,
  exception: (who, where) => `lets in ${who} at ${where} without a knock`,
  unknown: (who, where) => `may let in ${who} at ${where}: unknown, its conditions cannot be judged`,
  refused: (who, where) => `keeps out ${who} at ${where}, whoever has knocked or is trusted included`,
};

/** `rule 2 of mine (-A mine -j ACCEPT), reached by rule 1 of INPUT`. */
export function named(path: readonly Place[], { chain }: Pick<Service, 'chain'>): string {
  const last = path.at(-1);
  if (last === undefined) return `what never comes to our jump in ${chain} meets a policy, which`;
  const by = path.slice(0, -1).map((place) => `rule ${place.number} of ${place.chain}`);
  const reached = by.length === 0 ? '' : `, reached by ${by.join(' and ')},`;
  return `rule ${last.number} of ${last.chain} (${last.rule.text})${reached}`;
}

function fixed(
  kind: Kind,
  path: readonly Place[],
  { name, chain }: Service,
  context: Context,
): string | null {
  if (kind === 'exception') return null;
  return (
    commandFor(path, context) ??
    `a rule that leads all of it to ${chain}, or chain = in [service.${name}]: INPUT, or FORWARD on a gateway`
  );
}

/** The commands that take a rule out, or put it behind our jump; null where no rule decides. */
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
  return `${tool} ${deletion(last).text}; to keep it, behind knockctl: ${moved}`;
}

function movedBehind(tool: string, rule: Rule): string {
  return `${tool} ${deletion(rule).text} && ${tool} -A ${rule.chain ?? ''} ${rule.specText}`;
}
