import { parseAddress, type Network } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { parseCommand } from '../../config/knockd/commands.js';
import type { DoorCommand } from '../../config/settings.js';
import type { Clock, Timer } from '../../system/clock.js';
import { appendToDisk, removeFile, replaceFile, sizeOf } from '../../system/files.js';
import { setDamagedAside } from '../../system/state-file.js';
import { readStrict, UntrustedFile } from '../../system/strict-file.js';
import { hasOnly, isCount, isFields, isText } from '../../wire/guards.js';
import type { Journal } from '../journal/journal.js';

/** A stop command that waits, as it outlives us. */
export interface StoredStop {
  /** The name of the door. */
  readonly door: string;
  readonly source: Network;
  readonly command: DoorCommand;
  /** The door's cmd_timeout: no stop waits for longer. */
  readonly timeoutMs: number;
  /** By the wall clock. */
  readonly due: Date;
}

interface PendingStopsFileParts {
  readonly path: string;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  /** What is to be kept, at the moment of writing, each by a number of its own. */
  readonly content: () => ReadonlyMap<number, StoredStop>;
}

/** After a write, changes of this time are written together. */
const WINDOW_MS = 50;
/** The file is written anew where it is longer than this, and than so many times what is to be kept. */
const SHORT_BYTES = 64 * 1024;
const MOST_TIMES = 4;
/** Two reckonings of one moment by the wall clock may be apart by this. */
const SAME_MS = 1_000;
/** knockd.conf has no longer line. */
const MAX_LINE = 4_095;
const MAX_ID = Number.MAX_SAFE_INTEGER;

/**
 * Keeps the stop commands that wait on disk, so that they outlive a crash of ours. A line a stop, appended, and a line for one that
 * is gone, since strangers may open many doors: to write all of it at each change were 12 MB a second. What was appended last may be cut off by
 * a crash: that door was not opened yet.
 */
export class PendingStopsFile {
  readonly #parts: PendingStopsFileParts;
  #window: Timer | undefined;
  /** Those who wait for the next write. */
  #waiting: (() => void)[] = [];
  readonly #once = new WarnOnce();
  /** What the file has, by number: when each is due. Undefined: not known, and it is written as a whole. */
  #written: Map<number, number> | undefined;
  /** The size of the file, and of that what was written as a whole. */
  #size = 0;
  #wholeSize = 0;

  constructor(parts: PendingStopsFileParts) {
    this.#parts = parts;
  }

  /** What an earlier life left. What cannot be believed is reported, and the file set aside. */
  read(): readonly StoredStop[] {
    const { path } = this.#parts;
    let text: string | undefined;
    try {
      text = readStrict(path);
      if (text === undefined) return [];
    } catch (error) {
      if (error instanceof UntrustedFile) return this.#distrust([error.weakness.text]);
      this.#report(
        `${path} cannot be read: ${errorText(error)}; stop commands of an earlier life are not run`,
      );
      return [];
    }
    const { stops, faults } = parseStops(text);
    if (faults.length > 0) this.#distrust(faults);
    return stops;
  }

  /** Something has changed. Resolves once it is on disk, or could not be written, which is reported. */
  async note(): Promise<void> {
    if (this.#window === undefined) {
      this.#write();
      return;
    }
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Writes what waits to be written, now. */
  flush(): void {
    this.#window?.[Symbol.dispose]();
    this.#windowEnds();
    this.#window?.[Symbol.dispose]();
    this.#window = undefined;
  }

  #windowEnds(): void {
    this.#window = undefined;
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    this.#write();
    for (const resolve of waiting) resolve();
  }

  #write(): void {
    const { clock, content, path } = this.#parts;
    this.#window = clock.after(WINDOW_MS, () => {
      this.#windowEnds();
    });
    try {
      this.#save(content());
      this.#once.ends('not kept');
    } catch (error) {
      this.#written = undefined;
      if (!this.#once.begins('not kept')) return;
      this.#report(
        `cannot keep the stop commands that wait in ${path}: ${errorText(error)}; doors work, but would stay open after a crash`,
      );
    }
  }

  #save(stops: ReadonlyMap<number, StoredStop>): void {
    const { path } = this.#parts;
    if (stops.size === 0) {
      removeFile(path);
      this.#written = undefined;
      return;
    }
    const lines = this.#written === undefined ? undefined : changes(this.#written, stops);
    if (lines?.length === 0) return;
    const text = lines?.join('') ?? '';
    const isShort = this.#size + text.length <= Math.max(SHORT_BYTES, MOST_TIMES * this.#wholeSize);
    if (lines !== undefined && isShort && sizeOf(path) === this.#size) {
      appendToDisk(path, text);
      this.#size += Buffer.byteLength(text);
    } else {
      const whole = [...stops].map(([id, stop]) => stopLine(id, stop)).join('');
      replaceFile(path, whole);
      this.#size = this.#wholeSize = Buffer.byteLength(whole);
    }
    this.#written = new Map([...stops].map(([id, { due }]) => [id, due.getTime()]));
  }

  #distrust(faults: readonly string[]): readonly StoredStop[] {
    this.#report(setDamagedAside(this.#parts.path, faults));
    return [];
  }

  #report(text: string): void {
    this.#parts.journal.record('command', text, {}, 'error');
  }
}

/** The lines that bring a file to what is to be kept. */
function changes(written: ReadonlyMap<number, number>, stops: ReadonlyMap<number, StoredStop>): string[] {
  const lines: string[] = [];
  for (const [id, stop] of stops) {
    const dueMs = written.get(id) ?? Infinity;
    if (Math.abs(stop.due.getTime() - dueMs) > SAME_MS) lines.push(stopLine(id, stop));
  }
  for (const id of written.keys()) if (!stops.has(id)) lines.push(`${JSON.stringify({ gone: id })}\n`);
  return lines;
}

function stopLine(id: number, { door, source, command, timeoutMs, due }: StoredStop): string {
  const fields = { door, address: source.text, command: command.line, timeout: timeoutMs };
  return `${JSON.stringify({ ...fields, due: due.toISOString(), id })}\n`;
}

/** What a file says, and what of it cannot be believed. */
export function parseStops(text: string): { readonly stops: StoredStop[]; readonly faults: string[] } {
  const stops = new Map<number, StoredStop>();
  const faults: string[] = [];
  const entries = text.startsWith('[') ? parseList(text) : parseLines(text);
  if (!entries.ok) return { stops: [], faults: [entries.reason] };
  for (const [index, entry] of entries.value.entries()) {
    if (isFields(entry) && hasOnly(entry, ['gone']) && isCount(entry['gone'], 0, MAX_ID)) {
      stops.delete(entry['gone']);
      continue;
    }
    const stop = parseStop(entry);
    const id = isFields(entry) ? entry['id'] : undefined;
    // One of an earlier version has no number; nothing there takes it out again.
    if (stop.ok) stops.set(isCount(id, 0, MAX_ID) ? id : -1 - index, stop.value);
    else faults.push(`entry ${index + 1}: ${stop.reason}`);
  }
  return { stops: [...stops.values()], faults };
}

/** Whole lines; one that is no JSON is no entry. */
function parseLines(text: string): Result<readonly unknown[]> {
  return ok(
    text
      .split('\n')
      .slice(0, -1)
      .map((line): unknown => {
        try {
          return JSON.parse(line);
        } catch {
          return undefined;
        }
      }),
  );
}

/** The list that an earlier version has written. */
function parseList(text: string): Result<readonly unknown[]> {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? ok(parsed) : refuse('it is not a list');
  } catch (error) {
    return refuse(errorText(error));
  }
}

function parseStop(value: unknown): Result<StoredStop> {
  if (!isFields(value) || !hasOnly(value, ['door', 'address', 'command', 'timeout', 'due', 'id'])) {
    return refuse('it is not of the right shape');
  }
  const { door, address, command, timeout, due } = value;
  if (!isText(door, MAX_LINE) || door === '') return refuse('it has no door');
  const source = parseAddress(typeof address === 'string' ? address : '');
  if (!source.ok) return refuse(source.reason);
  if (source.value.text !== address) return refuse('the address is not canonical');
  if (!isText(command, MAX_LINE) || command === '' || /[\0\n]/.test(command)) {
    return refuse('it has no command of one line');
  }
  if (!isCount(timeout, 0, MAX_TIMEOUT_S * 1_000)) return refuse('it has no cmd_timeout');
  const when = new Date(typeof due === 'string' ? due : Number.NaN);
  if (Number.isNaN(when.getTime())) return refuse('it has no time');
  return ok({ door, source: source.value, command: parseCommand(command), timeoutMs: timeout, due: when });
}
