import type { Family } from '../../base/address.js';
import { setName } from '../model/names.js';
import { addTo, inSet, otherFlags, portMatches, rule, stepMatch, deleteFrom } from './match.js';
import {
  doneChain,
  doneSet,
  endChain,
  openChain,
  startChain,
  windowSet,
  cooldownSet,
} from '../model/door-names.js';
import type { Door, Step } from '../../knock/door.js';
import type { KernelAction } from './eligibility.js';

/** The chains of one door. Pure. */

/** A door, as needed to build its rules. */
export interface RuledDoor {
  readonly door: Door;
  /** The prefix of its chain and set names. */
  readonly base: string;
  /**
   * The action at its end; undefined: the kernel follows attempts, because they block others, but does nothing at the
   * end.
   */
  readonly action: KernelAction | undefined;
}

interface ChainSettings {
  readonly family: Family;
  readonly duplicates: 'strict' | 'tolerate';
}

/** Sources in one of these lists have access. */
const ACCESS_LISTS = ['trusted', 'granted', 'filter'] as const;

type Chains = Map<string, readonly string[]>;

/** True if the door has attempts: with one step it opens at once, and with no time it never opens. */
export function hasAttempts({ door }: RuledDoor): boolean {
  return door.sequence.length > 1 && door.windowMs > 0;
}

/** True where something is done when the door opens: the chain for it is there. */
function hasEnd(ruled: RuledDoor): boolean {
  return ruled.action !== undefined || (hasAttempts(ruled) && ruled.door.cooldownMs !== undefined);
}

/** Returns the chains of a door, in the order in which a knock passes them. */
export function doorChains(ruled: RuledDoor, settings: ChainSettings): Chains {
  const { base, action } = ruled;
  const chains: Chains = new Map();
  const attempts = hasAttempts(ruled);
  if (attempts) followAttempts(chains, ruled, settings);
  if (hasEnd(ruled)) {
    const { family } = settings;
    const end = attempts ? [deleteFrom(windowSet(base, family))] : [];
    const rest = ruled.door.cooldownMs === undefined ? [] : [addTo(cooldownSet(base, family), 'renew')];
    const act = action === undefined ? [] : actionRules(action, settings);
    chains.set(openChain(base), [...end, ...rest, ...act]);
  }
  return chains;
}

/**
 * Builds the chains that follow attempts. A source in the window set has an attempt under way; the other sets say how
 * far it has come, checked from the furthest. So an attempt ends by one deletion from the window set; leftovers in the
 * other sets are ignored, and deleted when the next attempt begins, before the source enters the window.
 */
function followAttempts(chains: Chains, ruled: RuledDoor, { family, duplicates }: ChainSettings): void {
  const { door, base } = ruled;
  const { sequence } = door;
  const window = windowSet(base, family);
  const later: string[] = [];
  const rules: string[] = [];
  const others = otherFlags(door.flags);
  if (others !== undefined) rules.push(`${others} -j RETURN`);
  for (let done = sequence.length - 1; done >= 1; done -= 1) {
    const step = sequence[done];
    if (step === undefined) continue;
    const here = done === 1 ? '' : inSet(doneSet(base, done, family));
    const whole = hasEnd(ruled) ? openChain(base) : endChain(base);
    const next = done + 1 === sequence.length ? whole : doneChain(base, done + 1);
    rules.push(rule(`-p ${step.protocol}`, stepMatch(step), here, `-g ${next}`));
    if (duplicates === 'tolerate') {
      for (const counted of tcpPorts(sequence.slice(0, done)))
        rules.push(rule('-p tcp', counted, here, '-j RETURN'));
    }
    rules.push(rule(here, `-g ${endChain(base)}`));
    if (done > 1) later.push(doneSet(base, done, family));
  }
  chains.set(startChain(base), [...later.reverse().map(deleteIfPresent), addTo(window)]);
  chains.set(base, rules);
  later.forEach((set, index) => chains.set(doneChain(base, index + 2), [addTo(set, 'renew')]));
  chains.set(endChain(base), [deleteFrom(window)]);
}

/** A match costs a tenth of a deletion, and usually there is nothing to delete. */
function deleteIfPresent(set: string): string {
  return rule(inSet(set), deleteFrom(set));
}

/** Matches packets to the TCP ports of these steps, with any flags, in as many matches as needed. */
function tcpPorts(steps: readonly Step[]): string[] {
  const ports = new Set(steps.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port));
  const sorted = [...ports].sort((a, b) => a - b);
  return sorted.length === 0 ? [] : portMatches('tcp', sorted, { mask: 0, value: 0 });
}

/** Does the same as the supervisor's verbs (src/runtime/access), in the same order. */
function actionRules(action: KernelAction, { family }: ChainSettings): string[] {
  switch (action.verb) {
    case 'accept':
      return [
        // A source banned by a door is not let in, unless the service is configured so that a knock lifts the ban.
        action.lifts
          ? deleteFrom(setName(action.service, 'decoyed', family))
          : `${inSet(setName(action.service, 'decoyed', family))} -j RETURN`,
        addTo(
          setName(action.service, 'filter', family),
          action.keeps === true ? undefined : 'renew',
          action.timeoutS,
        ),
      ];
    case 'drop':
      return [
        // A source with access to any service is banned from none: the packet may be forged.
        ...action.bans.flatMap(({ service }) =>
          ACCESS_LISTS.map((list) => `${inSet(setName(service, list, family))} -j RETURN`),
        ),
        ...action.bans.map(({ service, timeoutS, renews }) =>
          addTo(setName(service, 'decoyed', family), renews ? 'renew' : undefined, timeoutS),
        ),
      ];
    case 'flush':
      // Leaves manual grants and all bans in place.
      return action.services.map((service) => deleteFrom(setName(service, 'filter', family)));
  }
}
