import { describePlace } from './decide.js';
import type { DoorLines } from './document.js';
import type { Change } from './doors.js';
import { serviceOption, type ServiceBook } from './services.js';

/** A command line’s new text, undefined for none, and what is said of it. */
export interface Outcome {
  readonly line: number;
  readonly value: string | undefined;
  readonly text: string;
}

/** What a change makes of its lines, each one once. */
export function outcomesOf(change: Change, services: ServiceBook, doors: readonly DoorLines[]): Outcome[] {
  const { line, stop } = change;
  const outcomes: Outcome[] = [{ line: line.number, ...startOf(change, services) }];
  if (stop === undefined) return outcomes;
  // An earlier stop command would come into force where only the last one went.
  const door = doors.find(({ commands }) => commands.includes(stop.line));
  for (const { number, slot } of door?.commands ?? []) {
    if (slot !== stop.line.slot) continue;
    const text = 'not needed any more: the kernel itself takes the entry out, whatever dies';
    outcomes.push({ line: number, value: undefined, text });
  }
  return outcomes;
}

function startOf({ rule, stop }: Change, services: ServiceBook): Pick<Outcome, 'value' | 'text'> {
  const { verdict, place } = rule;
  const where = place === undefined ? '' : describePlace(place);
  if (!rule.adds) {
    const text =
      verdict === 'ACCEPT'
        ? `shuts ${where} again for who knocked`
        : 'lifts no ban: bans by doors end by themselves (decoy_timeout), or by knockctl flush';
    return { value: 'knockctl flush %IP%', text };
  }
  if (verdict === 'DROP') {
    const timeout = stop === undefined ? '' : ` --timeout ${stop.afterS}`;
    return {
      value: `knockctl drop %IP%${timeout}`,
      text: `bans who knocked from all services${stop === undefined ? ', for decoy_timeout' : ''}`,
    };
  }
  const name = place === undefined ? '' : (services.nameOf(place) ?? '');
  const forEver = 'for ever, as its rule did; --timeout 300 instead of 0 is better: then it shuts by itself';
  return {
    value: `knockctl accept %IP% --timeout ${stop?.afterS ?? 0}${serviceOption(name)}`,
    text: `opens ${where}, service ${name}, for who knocked, ${stop === undefined ? forEver : `for ${stop.afterS} s`}`,
  };
}
