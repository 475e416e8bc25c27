/** Classifies the paths to a service: which sources get in without knockctl, and which are blocked. Pure. */
import type { Family } from '../../base/address.js';
import type { Service } from '../model/service.js';
import type { Certainty } from './box.js';
import { fromOutside, isEverybody, pathKey, type End, type Ways } from './judge.js';
import { union, type Ranges } from './ranges.js';
import { describeSources } from './who.js';
import type { Outcome, Place } from './walk.js';

/**
 * `open`: everybody gets in, the port is not protected; `exception`: some sources get in, by an administrator's rule;
 * `unknown`: a rule may accept sources that cannot be determined; `refused`: everybody is blocked, even after a knock.
 */
export type Kind = 'open' | 'exception' | 'unknown' | 'refused';

/** A rule that decides before knockctl's jump, and its sources. */
export interface Finding {
  readonly kind: Kind;
  readonly family: Family;
  readonly ports: readonly number[];
  /**
   * The rules that lead to the decision, the deciding one last; empty: a policy decides about packets that never reach
   * the jump.
   */
  readonly path: readonly Place[];
  readonly sources: Ranges;
  /** The sources in words: `everybody`, `10.0.0.0/8`, `members of the set office`. */
  readonly who: string;
}

interface Group {
  readonly end: End | 'unknown';
  readonly certainty: Certainty;
  readonly path: readonly Place[];
  readonly ports: number[];
  readonly outcomes: Outcome<End>[];
}

/** Returns what decides about new connections to the ports of a service before knockctl's jump. */
export function findingsBefore(service: Service, family: Family, ways: readonly Ways[]): Finding[] {
  const all = fromOutside(service, family).sources;
  const met = grouped(ways).map((group): Finding & { readonly group: Group } => {
    const sources = group.outcomes.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
    return {
      group,
      kind: kindOf(group, sources, family),
      family,
      ports: group.ports,
      path: group.path,
      sources,
      who: describeSources(
        group.outcomes.map(({ box }) => box),
        sources,
        all,
        family,
      ),
    };
  });
  // Many small exceptions together may be everybody.
  const exceptions = met.filter(({ kind, group }) => kind === 'exception' && group.certainty !== 'few');
  const sum = exceptions.reduce<Ranges>((ranges, { sources }) => union(ranges, sources), []);
  const isTooMuch = isEverybody(sum, family);
  return met
    .filter(({ kind, group }) => kind !== 'refused' || isRefusal(group, family))
    .map(({ group, ...one }) => {
      const isPart = isTooMuch && one.kind === 'exception' && group.certainty !== 'few';
      return isPart ? { ...one, kind: 'open' as const } : one;
    });
}

function kindOf({ end, certainty }: Group, sources: Ranges, family: Family): Kind {
  if (end === 'refuse') return 'refused';
  if (!isEverybody(sources, family)) return 'exception'; // at most some sources
  if (end === 'unknown' || certainty === 'unknown') return 'unknown';
  return certainty === 'few' ? 'exception' : 'open';
}

/** True if the rule certainly blocks everybody, even after a knock. */
function isRefusal({ certainty, outcomes }: Group, family: Family): boolean {
  const sources = outcomes.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
  return certainty === 'sure' && isEverybody(sources, family);
}

/** Groups outcomes by deciding rule, and separates packets that may be many from those that are few or unknown. */
function grouped(ways: readonly Ways[]): Group[] {
  const groups = new Map<string, Group>();
  for (const { port, outcomes } of ways) {
    for (const outcome of outcomes) {
      const { end, path, box } = outcome;
      if (end === 'ours') continue;
      const isPlain = box.certainty === 'sure' || box.certainty === 'choice';
      const isRefused = end === 'refuse';
      const certainty = isPlain && !isRefused ? 'choice' : box.certainty;
      const key = `${end} ${certainty} ${pathKey(path)}`;
      const group = groups.get(key) ?? { end, certainty, path, ports: [], outcomes: [] };
      groups.set(key, group);
      if (!group.ports.includes(port)) group.ports.push(port);
      group.outcomes.push(outcome);
    }
  }
  return [...groups.values()];
}
