/** What is said of the ways to a service: who gets in without us, and who is kept out. Pure. */
import type { Family } from '../../base/address.js';
import type { Service } from '../model/service.js';
import type { Certainty } from './box.js';
import { fromElsewhere, isEverybody, pathKey, type End, type Ways } from './judge.js';
import { union, type Ranges } from './ranges.js';
import { whoComes } from './who.js';
import type { Outcome, Place } from './walk.js';

/**
 * `open`: everybody gets in, and the port is not protected; `exception`: some sources do, by a rule of the
 * administrator's; `unknown`: a rule that may let in whom we cannot tell; `refused`: everybody is kept out, whoever has
 * knocked included.
 */
export type Kind = 'open' | 'exception' | 'unknown' | 'refused';

/** A rule that decides before ours does, and about whom. */
export interface Met {
  readonly kind: Kind;
  readonly family: Family;
  readonly ports: readonly number[];
  /** The rules that lead there, the deciding one last; none: a policy decides about what never comes to our jump. */
  readonly path: readonly Place[];
  readonly sources: Ranges;
  /** Who that is, in words: `everybody`, `10.0.0.0/8`, `members of the set office`. */
  readonly who: string;
}

interface Group {
  readonly end: End | 'unknown';
  readonly certainty: Certainty;
  readonly path: readonly Place[];
  readonly ports: number[];
  readonly outcomes: Outcome<End>[];
}

/** What decides about new connections to the ports of a service before our jump. */
export function metBefore(service: Service, family: Family, ways: readonly Ways[]): Met[] {
  const all = fromElsewhere(service, family).sources;
  const met = grouped(ways).map((group): Met & { readonly group: Group } => {
    const sources = group.outcomes.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
    return {
      group,
      kind: kindOf(group, sources, family),
      family,
      ports: group.ports,
      path: group.path,
      sources,
      who: whoComes(
        group.outcomes.map(({ box }) => box),
        sources,
        all,
        family,
      ),
    };
  });
  // Many small ones may be everybody together.
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
  if (!isEverybody(sources, family)) return 'exception'; // some of them at most
  if (end === 'unknown' || certainty === 'unknown') return 'unknown';
  return certainty === 'few' ? 'exception' : 'open';
}

/** Only what is certain for everybody keeps out those who have knocked. */
function isRefusal({ certainty, outcomes }: Group, family: Family): boolean {
  const sources = outcomes.reduce<Ranges>((sum, { box }) => union(sum, box.sources), []);
  return certainty === 'sure' && isEverybody(sources, family);
}

/** By the rule that decides; packets that may be many apart from those that are few, or cannot be told. */
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
