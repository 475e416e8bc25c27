import { parseAddress, type Network } from '../base/address.js';
import { errorText } from '../base/errors.js';
import { MAX_TIMEOUT_S } from '../base/limits.js';
import { ok, refuse, type Result } from '../base/result.js';
import { parseCommand } from '../config/commands.js';
import type { DoorCommand } from '../config/settings.js';
import type { Clock, Timer } from '../system/clock.js';
import { removeFile, replaceFile, setAside } from '../system/files.js';
import { readStrict, UntrustedFile } from '../system/strict-file.js';
import { hasOnly, isCount, isFields, isText } from '../wire/guards.js';
import type { Journal } from './journal.js';

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

export interface StopFileParts {
  readonly path: string;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  /** What is to be kept, at the moment of writing. */
  readonly content: () => readonly StoredStop[];
}

/** After a write, changes of this time are written together. */
const WINDOW_MS = 50;
/** knockd.conf has no longer line. */
const MAX_LINE = 4_095;

/** Keeps the stop commands that wait on disk, so that they outlive a crash of ours. */
export class StopFile {
  readonly #parts: StopFileParts;
  #window: Timer | undefined;
  /** Those who wait for the next write. */
  #waiting: (() => void)[] = [];
  #failing = false;

  constructor(parts: StopFileParts) {
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
    const entries = parseList(text);
    if (!entries.ok) return this.#distrust([entries.reason]);
    const stops = entries.value.map(parseStop);
    const faults = stops.flatMap((stop, index) => (stop.ok ? [] : [`entry ${index + 1}: ${stop.reason}`]));
    if (faults.length > 0) this.#distrust(faults);
    return stops.filter((stop) => stop.ok).map((stop) => stop.value);
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
    const { path, clock, content } = this.#parts;
    this.#window = clock.after(WINDOW_MS, () => {
      this.#windowEnds();
    });
    const stops = content().map((stop) => ({
      door: stop.door,
      address: stop.source.text,
      command: stop.command.line,
      timeout: stop.timeoutMs,
      due: stop.due.toISOString(),
    }));
    try {
      if (stops.length === 0) removeFile(path);
      else replaceFile(path, `[\n${stops.map((stop) => JSON.stringify(stop)).join(',\n')}\n]\n`);
      this.#failing = false;
    } catch (error) {
      if (this.#failing) return; // said once, until it works again
      this.#failing = true;
      this.#report(
        `cannot keep the stop commands that wait in ${path}: ${errorText(error)}; doors work, but would stay open after a crash`,
      );
    }
  }

  #distrust(faults: readonly string[]): readonly StoredStop[] {
    const { path } = this.#parts;
    const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
    try {
      this.#report(`${path} is damaged: ${faults[0] ?? ''}${more}; it is kept as ${setAside(path)}`);
    } catch (error) {
      this.#report(
        `${path} is damaged: ${faults[0] ?? ''}${more}, and cannot be renamed: ${errorText(error)}`,
      );
    }
    return [];
  }

  #report(text: string): void {
    this.#parts.journal.record('command', text, {}, 'error');
  }
}

function parseList(text: string): Result<readonly unknown[]> {
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? ok(parsed) : refuse('it is not a list');
  } catch (error) {
    return refuse(errorText(error));
  }
}

function parseStop(value: unknown): Result<StoredStop> {
  if (!isFields(value) || !hasOnly(value, ['door', 'address', 'command', 'timeout', 'due'])) {
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
