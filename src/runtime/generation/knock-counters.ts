import { existsSync } from 'node:fs';

import { errorText } from '../../base/errors.js';
import { readIfExists, replaceFile } from '../../system/files.js';
import type { Journal } from '../journal/journal.js';

/** Knocks that the kernel carried out, by the name of the door. */
export type Counts = ReadonlyMap<string, number>;

/** In the run folder, which lives as long as the kernel's counters do. */
export function knockCountersPath(runFolder: string): string {
  return `${runFolder}/kernel-knocks.json`;
}

export interface KnockCountersParts {
  readonly path: string;
  readonly journal: Pick<Journal, 'record'>;
}

/**
 * Remembers how many knocks the kernel has carried out, so that those can be told that nobody else did: the supervisor was
 * dead, or the listener.
 */
export class KnockCounters {
  readonly #parts: KnockCountersParts;
  #seen: Counts | undefined;
  /** Those of an earlier look: seen by all once the listener is known to have heard later than that. */
  #pending: { readonly counts: Counts; readonly atMs: number } | undefined;
  #isListenerLost = false;

  constructor(parts: KnockCountersParts) {
    this.#parts = parts;
  }

  /** A look, at `nowMs`; `unprovenMs`: since the listener was last known to hear. */
  update(counts: Counts, nowMs: number, unprovenMs: number): void {
    if (this.#isListenerLost) {
      this.reportNow(counts, 'that the listener may not have heard');
      this.#isListenerLost = false;
    } else if (this.#pending === undefined) this.#pending = { counts, atMs: nowMs };
    else if (nowMs - unprovenMs >= this.#pending.atMs) {
      this.save(this.#pending.counts);
      this.#pending = { counts, atMs: nowMs };
    }
  }

  /** What the kernel has carried out since the listener was last known to hear, nobody may have heard. */
  listenerLost(): void {
    this.#isListenerLost = true;
  }

  /** Tells what has been added since the last look; `when`: why nobody else may have told it. */
  reportNow(counts: Counts, when: string): void {
    const before = this.#seen ?? this.#read();
    for (const [door, count] of counts) {
      const known = before.get(door) ?? 0;
      // Fewer than before: the rules were made anew meanwhile.
      const more = count < known ? count : count - known;
      if (more === 0) continue;
      const text = `${door}: the kernel carried out ${more === 1 ? '1 knock' : `${more} knocks`} ${when}`;
      this.#parts.journal.record('knock', text, { door, count: more });
    }
    this.save(counts);
  }

  /** From now on these have been seen. */
  save(counts: Counts): void {
    this.#pending = undefined;
    // Somebody may have deleted the run folder: whoever comes after us would tell all of them again.
    if (this.#seen !== undefined && isSame(this.#seen, counts) && existsSync(this.#parts.path)) return;
    this.#seen = counts;
    try {
      replaceFile(this.#parts.path, `${JSON.stringify(Object.fromEntries(counts))}\n`);
    } catch (error) {
      // Without it only a number is missing later.
      const text = `cannot note knocks of the kernel: ${errorText(error)}`;
      this.#parts.journal.record('knock', text, {}, 'debug');
    }
  }

  #read(): Counts {
    let parsed: unknown;
    try {
      parsed = JSON.parse(readIfExists(this.#parts.path) ?? '{}');
    } catch {
      return new Map(); // damaged: then all are told
    }
    if (typeof parsed !== 'object' || parsed === null) return new Map();
    const isCount = (entry: [string, unknown]): entry is [string, number] => Number.isSafeInteger(entry[1]);
    return new Map(Object.entries(parsed).filter(isCount));
  }
}

function isSame(one: Counts, other: Counts): boolean {
  return one.size === other.size && [...one].every(([door, count]) => other.get(door) === count);
}
