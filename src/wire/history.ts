import type { Happening } from './control.js';
import { hasOnly, isCount, isFields, isText } from './guards.js';

/** The history of events on disk: a JSON document a line, as `knockctl events --json` prints it. Pure. */

/** Events that are kept, and shown. */
export const EVENTS_KEPT = 1_000;
/** A text comes from a log line; one that is longer is no event of ours. */
const MAX_TEXT = 64 * 1024;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** The line of an event. */
export function historyLine(event: Happening): string {
  return `${JSON.stringify(event)}\n`;
}

/**
 * The newest events in the texts of the files, oldest file first. A line that is damaged is passed over. So is one
 * whose number leads back, or is further from the others than the file is long: all later numbers would be wrong.
 */
export function readHistory(texts: readonly string[]): Happening[] {
  const lines = texts.flatMap((text) => text.split('\n'));
  const read = lines.map(readLine).filter((event) => event !== undefined);
  const numbers = read.map(({ number }) => number).sort((a, b) => a - b);
  const middle = numbers[numbers.length >> 1] ?? 0;
  const events: Happening[] = [];
  for (const event of read) {
    const isNear = Math.abs(event.number - middle) <= lines.length;
    if (isNear && event.number > (events.at(-1)?.number ?? 0)) events.push(event);
  }
  return events.slice(-EVENTS_KEPT);
}

function readLine(line: string): Happening | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isHappening(value) ? value : undefined;
}

function isHappening(value: unknown): value is Happening {
  if (!isFields(value) || !hasOnly(value, ['number', 'time', 'kind', 'text', 'fields'])) return false;
  const { number, time, kind, text, fields } = value;
  return (
    isCount(number, 1, 1e15) &&
    typeof time === 'string' &&
    TIME.test(time) &&
    isText(kind, 64) &&
    isText(text, MAX_TEXT) &&
    isFields(fields)
  );
}
