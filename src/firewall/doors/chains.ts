import type { Family } from '../../base/address.js';
import { setName } from '../model/names.js';
import { addTo, inSet, otherFlags, portMatches, rule, stepMatch, takeFrom } from './match.js';
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

/** A door as the rules see it. */
export interface RuledDoor {
  readonly door: Door;
  /** Begins the names of its chains and sets. */
  readonly base: string;
  /** Undefined: the kernel follows it, for an attempt there keeps others from beginning, but does nothing at its end. */
  readonly action: KernelAction | undefined;
}

interface ChainSettings {
  readonly family: Family;
  readonly duplicates: 'strict' | 'tolerate';
}

/** Who is in one of these gets in. */
const LET_IN = ['trusted', 'granted', 'filter'] as const;

type Chains = Map<string, readonly string[]>;

/** True where the door has attempts: with one step it opens at once, and with no time it never does. */
export function hasAttempts({ door }: RuledDoor): boolean {
  return door.sequence.length > 1 && door.windowMs > 0;
}

/** True where something is done when the door opens: the chain for it is there. */
export function hasEnd(ruled: RuledDoor): boolean {
  return ruled.action !== undefined || (hasAttempts(ruled) && ruled.door.cooldownMs !== undefined);
}

/** The chains of a door, in the order in which a knock meets them. */
export function doorChains(ruled: RuledDoor, settings: ChainSettings): Chains {
  const { base, action } = ruled;
  const chains: Chains = new Map();
  const attempts = hasAttempts(ruled);
  if (attempts) followAttempts(chains, ruled, settings);
  if (hasEnd(ruled)) {
    const { family } = settings;
    const end = attempts ? [takeFrom(windowSet(base, family))] : [];
    const rest = ruled.door.cooldownMs === undefined ? [] : [addTo(cooldownSet(base, family), 'renew')];
    const act = action === undefined ? [] : actionRules(action, settings);
    chains.set(openChain(base), [...end, ...rest, ...act]);
  }
  return chains;
}

/**
 * Who is in the window has an attempt under way; how far it has come say the other sets, the furthest first. So the end
 * of an attempt is one deletion, and what is left in the other sets means nothing, and goes when the next one begins:
 * before it is in the window.
 */
function followAttempts(chains: Chains, ruled: RuledDoor, { family, duplicates }: ChainSettings): void {
  const { door, base } = ruled;
  const { sequence } = door;
  const window = windowSet(base, family);
  const later: string[] = [];
  const judge: string[] = [];
  const others = otherFlags(door.flags);
  if (others !== undefined) judge.push(`${others} -j RETURN`);
  for (let done = sequence.length - 1; done >= 1; done -= 1) {
    const step = sequence[done];
    if (step === undefined) continue;
    const here = done === 1 ? '' : inSet(doneSet(base, done, family));
    const whole = hasEnd(ruled) ? openChain(base) : endChain(base);
    const next = done + 1 === sequence.length ? whole : doneChain(base, done + 1);
    judge.push(rule(`-p ${step.protocol}`, stepMatch(step), here, `-g ${next}`));
    if (duplicates === 'tolerate') {
      for (const counted of tcpPorts(sequence.slice(0, done)))
        judge.push(rule('-p tcp', counted, here, '-j RETURN'));
    }
    judge.push(rule(here, `-g ${endChain(base)}`));
    if (done > 1) later.push(doneSet(base, done, family));
  }
  chains.set(startChain(base), [...later.reverse().map(takeOut), addTo(window)]);
  chains.set(base, judge);
  later.forEach((set, index) => chains.set(doneChain(base, index + 2), [addTo(set, 'renew')]));
  chains.set(endChain(base), [takeFrom(window)]);
}

/** A look costs a tenth of a deletion, and mostly there is nothing to take out. */
function takeOut(set: string): string {
  return rule(inSet(set), takeFrom(set));
}

/** Packets to the TCP ports of these steps, whatever their flags, as many matches as it takes. */
function tcpPorts(steps: readonly Step[]): string[] {
  const ports = new Set(steps.filter(({ protocol }) => protocol === 'tcp').map(({ port }) => port));
  const sorted = [...ports].sort((a, b) => a - b);
  return sorted.length === 0 ? [] : portMatches('tcp', sorted, { mask: 0, value: 0 });
}

/** What the verbs of the supervisor do (src/runtime/access), in their order. */
function actionRules(action: KernelAction, { family }: ChainSettings): string[] {
  switch (action.verb) {
    case 'accept':
      return [
        // Whom a door has banned no knock lets in, unless the service has it so: then it lifts that ban.
        action.lifts
          ? takeFrom(setName(action.service, 'decoyed', family))
          : `${inSet(setName(action.service, 'decoyed', family))} -j RETURN`,
        addTo(
          setName(action.service, 'filter', family),
          action.keeps === true ? undefined : 'renew',
          action.timeoutS,
        ),
      ];
    case 'drop':
      return [
        // Who is let in at one service is banned from none: the packet may be forged.
        ...action.bans.flatMap(({ service }) =>
          LET_IN.map((list) => `${inSet(setName(service, list, family))} -j RETURN`),
        ),
        ...action.bans.map(({ service, timeoutS, renews }) =>
          addTo(setName(service, 'decoyed', family), renews ? 'renew' : undefined, timeoutS),
        ),
      ];
    case 'flush':
      // Not of what was granted or banned by hand, nor of a ban by a door.
      return action.services.map((service) => takeFrom(setName(service, 'filter', family)));
  }
}
