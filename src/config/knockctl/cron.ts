import { quote } from '../../base/address.js';
import { ok, refuse, type Result } from '../../base/result.js';

interface Field {
  readonly label: string;
  readonly min: number;
  readonly max: number;
  /** Names that stand for min, min + 1, …: three letters or the whole word. */
  readonly names: readonly string[];
}

const MONTHS = 'january february march april may june july august september october november december'.split(
  ' ',
);
const DAYS = 'sunday monday tuesday wednesday thursday friday saturday'.split(' ');

const FIELDS: readonly Field[] = [
  { label: 'second', min: 0, max: 59, names: [] },
  { label: 'minute', min: 0, max: 59, names: [] },
  { label: 'hour', min: 0, max: 23, names: [] },
  { label: 'day of the month', min: 1, max: 31, names: [] },
  { label: 'month', min: 1, max: 12, names: MONTHS },
  { label: 'day of the week', min: 0, max: 7, names: DAYS },
];

/** The days of the months, February as in a leap year. */
const LENGTHS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/**
 * Checks a cron expression of 5 fields, or 6 with seconds first, and gives it with single spaces.
 * Numbers, names, ranges, lists and steps; the extensions (L, W, #, ?, @daily) are refused.
 */
export function parseCron(text: string): Result<string> {
  const parsed = parse(text);
  return parsed.ok ? ok(parsed.value.text) : parsed;
}

/** What a schedule matches, field by field; all of them must. Sunday is 0 and 7. */
interface Times {
  readonly seconds: ReadonlySet<number>;
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
}

const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
/** Days begin at a multiple of this, in UTC, in all time zones that there are. */
const QUARTER_MS = 15 * MINUTE_MS;
/** 29 February may be eight years away (2096 to 2104). */
const FAR_MS = 3_000 * 24 * 60 * MINUTE_MS;

/**
 * The first moment after `after` that a schedule matches by the local time of this process, undefined where there is none in
 * eight years or `text` is no schedule. Goes along moments and asks what the clock shows, never the other way round: of an
 * hour that summer time leaves out nothing comes due, what lies in an hour that comes twice comes due twice.
 */
export function nextTime(text: string, after: Date): Date | undefined {
  const parsed = parse(text);
  if (!parsed.ok) return undefined;
  const { times } = parsed.value;
  const endMs = after.getTime() + FAR_MS;
  for (let ms = nextMultiple(after.getTime(), SECOND_MS); ms < endMs;) {
    const at = new Date(ms);
    if (!isDay(times, at)) ms = nextMultiple(ms, QUARTER_MS);
    else if (!times.hours.has(at.getHours()) || !times.minutes.has(at.getMinutes()))
      ms = nextMultiple(ms, MINUTE_MS);
    else if (!times.seconds.has(at.getSeconds())) ms += SECOND_MS;
    else return at;
  }
  return undefined;
}

function nextMultiple(ms: number, unitMs: number): number {
  return (Math.floor(ms / unitMs) + 1) * unitMs;
}

function isDay({ days, months, weekdays }: Times, at: Date): boolean {
  const weekday = at.getDay();
  if (!months.has(at.getMonth() + 1) || !days.has(at.getDate())) return false;
  return weekdays.has(weekday) || (weekday === 0 && weekdays.has(7));
}

function parse(text: string): Result<{ readonly text: string; readonly times: Times }> {
  const words = text.trim().split(/\s+/);
  if (words.length !== 5 && words.length !== 6) {
    return refuse(
      `${quote(text)} is not a cron expression: it needs 5 fields (minute hour day month weekday), or 6 with seconds first`,
    );
  }
  const fields = FIELDS.slice(FIELDS.length - words.length);
  const values: ReadonlySet<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const parsed = parseField(words[index] ?? '', field);
    if (!parsed.ok) return refuse(`${quote(text)}: ${parsed.reason}`);
    values.push(parsed.value);
  }
  const days = [...(values.at(-3) ?? [])];
  const months = [...(values.at(-2) ?? [])];
  if (!months.some((month) => days.some((day) => day <= (LENGTHS[month - 1] ?? 0)))) {
    return refuse(`${quote(text)}: no such day is ever in these months`);
  }
  const [seconds = new Set([0]), minutes, hours, , , weekdays] =
    values.length === FIELDS.length ? values : [undefined, ...values];
  const all = new Set<number>();
  const times = { seconds, minutes: minutes ?? all, hours: hours ?? all, weekdays: weekdays ?? all };
  return ok({ text: words.join(' '), times: { ...times, days: new Set(days), months: new Set(months) } });
}

function parseField(word: string, field: Field): Result<ReadonlySet<number>> {
  const values = new Set<number>();
  for (const item of word.split(',')) {
    const match = /^(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:\/([0-9]{1,2}))?$/i.exec(item);
    if (match === null) return refuse(describe(item, field));
    const [, star, first, last, stepText] = match;
    const from = star === undefined ? number(first ?? '', field) : field.min;
    const to = star === undefined ? number(last ?? first ?? '', field) : field.max;
    const step = stepText === undefined ? 1 : Number(stepText);
    // `5/10` means different things to different crons.
    const isLoneStep = stepText !== undefined && star === undefined && last === undefined;
    if (from === undefined || to === undefined || from > to || isLoneStep) {
      return refuse(describe(item, field));
    }
    if (step < 1 || step > field.max) {
      return refuse(`${field.label} ${quote(item)}: the step must be from 1 to ${field.max}`);
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return ok(values);
}

function number(word: string, field: Field): number | undefined {
  if (/^[0-9]{1,2}$/.test(word)) {
    const value = Number(word);
    return value >= field.min && value <= field.max ? value : undefined;
  }
  const name = word.toLowerCase();
  const index = field.names.findIndex((full) => name === full || name === full.slice(0, 3));
  return index === -1 ? undefined : field.min + index;
}

function describe(item: string, field: Field): string {
  const names = field.names.length === 0 ? '' : ` or ${field.names[0]?.slice(0, 3) ?? ''}, …`;
  return `${field.label} ${quote(item)} is not *, a number from ${field.min} to ${field.max}${names}, a range a-b, or a step */n or a-b/n`;
}
