import { ok, refuse, type Result } from '../../base/result.js';
import type { EventRecord } from '../../wire/control.js';

/** Which events are wanted. */
export interface EventFilter {
  /** The last so many; undefined: all. */
  readonly count?: number | undefined;
  /** None before this, in milliseconds since 1970. */
  readonly sinceMs?: number | undefined;
  /** Of these kinds; undefined: of all. */
  readonly kinds?: readonly string[] | undefined;
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `10m`, `2h`, `1d` ago; `today`; `14:30` of today; a date with or without a time, as `2026-11-30 14:30`. Local time. */
export function parseSince(text: string, now: Date): Result<number> {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return ok(now.getTime() - Number(count) * (UNIT_MS[unit] ?? 0));
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  if (text === 'today') return ok(midnight.getTime());
  const [, hours, minutes, seconds = '0'] = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text) ?? [];
  if (hours !== undefined && Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 60) {
    return ok(midnight.setHours(Number(hours), Number(minutes), Number(seconds)));
  }
  const isDate = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?)?$/.test(
    text,
  );
  // A date alone is UTC to JavaScript: with a time behind it, it is local.
  const parsed = isDate ? Date.parse(text.length === 10 ? `${text}T00:00` : text) : NaN;
  return Number.isNaN(parsed)
    ? refuse('a time is needed: 10m, 2h, 1d (ago), today, 14:30, 2026-11-30 or "2026-11-30 14:30".')
    : ok(parsed);
}

/** True for an event that is wanted, its number aside. */
export function isWanted({ kind, time }: EventRecord, { sinceMs, kinds }: EventFilter): boolean {
  if (kinds?.includes(kind) === false) return false;
  return sinceMs === undefined || Date.parse(time) >= sinceMs;
}

/** Those of a history that are wanted. */
export function wantedOf(events: readonly EventRecord[], filter: EventFilter): readonly EventRecord[] {
  const wanted = events.filter((event) => isWanted(event, filter));
  return filter.count === undefined ? wanted : wanted.slice(Math.max(0, wanted.length - filter.count));
}

/** What to say where a history has none of the kinds asked for: which there are. */
export function kindsNote(events: readonly EventRecord[], { kinds = [] }: EventFilter): string | undefined {
  const there = new Set(events.map(({ kind }) => kind));
  const absent = kinds.filter((kind) => !there.has(kind));
  if (absent.length === 0) return undefined;
  const known = there.size === 0 ? 'there are no events' : `there are: ${[...there].sort().join(', ')}`;
  return `no event of kind ${absent.join(', ')}; ${known}`;
}
