import { isEventRecord, type EventRecord } from './control.js';
import { hasOnly, isCount, isText } from './guards.js';

/** The history of events on disk: a JSON document a line, as `knockctl events --json` prints it. Pure. */

/** Events that are kept, and shown: so many that strangers cause, and so many others. */
export const EVENTS_KEPT = 1_000;
/** So many events of strangers may lie between two others. */
const MAX_GAP = 100_000_000;
/** A text comes from a log line; one that is longer is no event of ours. */
const MAX_TEXT = 64 * 1024;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Whether an event is one that strangers cause, in whatever number they like: none of those must push out another. */
export function isByStrangers({ kind, fields }: Pick<EventRecord, 'kind' | 'fields'>): boolean {
  const { by, door } = fields;
  if (kind === 'knock' || kind === 'command' || typeof door === 'string') return true;
  return typeof by === 'string' && by.startsWith('door ');
}

/** Events that strangers cause have files of their own: a flood of them must not push out the others. */
export function knocksFile(path: string): string {
  return `${path}.knocks`;
}

/** The events of all files of a history, in order; `path`: where those are that strangers do not cause. */
export function readHistories(path: string, read: (path: string) => string): EventRecord[] {
  const kinds = [path, knocksFile(path)];
  const all = kinds.flatMap((newest) => readHistory([read(`${newest}.1`), read(newest)]));
  return all.sort((a, b) => a.number - b.number);
}

/** The line of an event. */
export function historyLine(event: EventRecord): string {
  return `${JSON.stringify(event)}\n`;
}

/**
 * The newest events in the texts of the files, oldest file first. A line that is damaged is passed over. So is one
 * whose number does not fit between those of most others: all later numbers would be wrong.
 */
export function readHistory(texts: readonly string[]): EventRecord[] {
  const lines = texts.flatMap((text) => text.split('\n'));
  const read = lines.map(readLine).filter((event) => event !== undefined);
  const numbers = read.map(({ number }) => number).sort((a, b) => a - b);
  const middle = numbers[numbers.length >> 1] ?? 0;
  return rising(read.filter(({ number }) => Math.abs(number - middle) <= MAX_GAP)).slice(-EVENTS_KEPT);
}

/** The most of these events whose numbers rise (patience sorting). */
function rising(events: readonly EventRecord[]): EventRecord[] {
  /** Of the rows of each length, the place of the lowest last one; and which comes before each in its row. */
  const ends: number[] = [];
  const before: (number | undefined)[] = [];
  const numberAt = (place: number | undefined): number => events[place ?? -1]?.number ?? 0;
  for (const [place, { number }] of events.entries()) {
    let [low, high] = [0, ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (numberAt(ends[middle]) < number) low = middle + 1;
      else high = middle;
    }
    before[place] = ends[low - 1];
    ends[low] = place;
  }
  const row: EventRecord[] = [];
  for (let place = ends.at(-1); place !== undefined; place = before[place]) {
    const event = events[place];
    if (event !== undefined) row.push(event);
  }
  return row.reverse();
}

function readLine(line: string): EventRecord | undefined {
  if (!line.startsWith('{')) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isStored(value) ? value : undefined;
}

function isStored(value: unknown): value is EventRecord {
  if (!isEventRecord(value) || !hasOnly({ ...value }, ['number', 'time', 'kind', 'text', 'fields']))
    return false;
  const { number, time, kind, text } = value;
  return isCount(number, 1, 1e15) && TIME.test(time) && isText(kind, 64) && isText(text, MAX_TEXT);
}
