import { USUAL_S } from './advice.js';
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
        ? `shuts ${where} again for who knocked${rule.shutsAll ? '; for all others the service shuts it anyway' : ''}`
        : 'lifts no ban: bans by doors end by themselves (decoy_timeout), or by knockctl flush';
    return { value: 'knockctl flush %IP%', text };
  }
  const timeoutS = shortest(rule.timeoutS, stop?.afterS);
  if (verdict === 'DROP') {
    const timeout = timeoutS === undefined ? '' : ` --timeout ${timeoutS}`;
    const text = `bans who knocked from all services${timeoutS === undefined ? ', for decoy_timeout' : ''}`;
    return { value: `knockctl drop %IP%${timeout}`, text: withRemarks(text, rule.remarks) };
  }
  const name = place === undefined ? '' : (services.nameOf(place) ?? '');
  const forHow =
    timeoutS === undefined
      ? `for ${USUAL_S} s: the line had no time-out, and let in for good (--timeout 0)`
      : `for ${timeoutS} s`;
  const forAll = rule.isForAll ? ['it let everybody in: now it is the address that knocked alone'] : [];
  return {
    value: `knockctl accept %IP% --timeout ${timeoutS ?? USUAL_S}${serviceOption(name)}`,
    text: withRemarks(`opens ${where}, service ${name}, for who knocked, ${forHow}`, [
      ...forAll,
      ...rule.remarks,
    ]),
  };
}

function withRemarks(text: string, remarks: readonly string[]): string {
  return [text, ...remarks].join('; ');
}

function shortest(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other);
}
