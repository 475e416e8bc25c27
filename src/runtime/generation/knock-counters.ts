import { existsSync } from 'node:fs';

import { errorText } from '../../base/errors.js';
import { StateFile } from '../../system/state-file.js';
import { isCount, isFields } from '../../wire/guards.js';
import type { Journal } from '../journal/journal.js';

/** Knocks that the kernel carried out, by the name of the door. */
type Counts = ReadonlyMap<string, number>;

interface KnockCountersParts {
  /** In the run folder, which lives as long as the kernel's counters do. */
  readonly path: string;
  readonly journal: Pick<Journal, 'record'>;
}

/**
 * Remembers how many knocks the kernel has carried out, so that those can be told that nobody else did: the supervisor was
 * dead, or the listener.
 */
export class KnockCounters {
  readonly #journal: Pick<Journal, 'record'>;
  readonly #file: StateFile<Readonly<Record<string, number>>>;
  #seen: Counts | undefined;
  /** Those of an earlier look: seen by all once the listener is known to have heard later than that. */
  #pending: { readonly counts: Counts; readonly atMs: number } | undefined;
  #isListenerLost = false;

  constructor({ path, journal }: KnockCountersParts) {
    this.#journal = journal;
    this.#file = new StateFile(path, { parse: (document) => (isCounts(document) ? document : undefined) });
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
    const before = this.#seen ?? this.#saved();
    for (const [door, count] of counts) {
      const known = before.get(door) ?? 0;
      // Fewer than before: the rules were made anew meanwhile.
      const more = count < known ? count : count - known;
      if (more === 0) continue;
      const text = `${door}: the kernel carried out ${more === 1 ? '1 knock' : `${more} knocks`} ${when}`;
      this.#journal.record('knock', text, { door, count: more });
    }
    this.save(counts);
  }

  /** From now on these have been seen. */
  save(counts: Counts): void {
    this.#pending = undefined;
    // Somebody may have deleted the run folder: whoever comes after us would tell all of them again.
    if (this.#seen !== undefined && isSame(this.#seen, counts) && existsSync(this.#file.path)) return;
    this.#seen = counts;
    try {
      this.#file.write(Object.fromEntries(counts));
    } catch (error) {
      // Without it only a number is missing later.
      const text = `cannot note knocks of the kernel: ${errorText(error)}`;
      this.#journal.record('knock', text, {}, 'debug');
    }
  }

  /** If the file is damaged, all knocks are reported. */
  #saved(): Counts {
    return new Map(Object.entries(this.#file.readIfSound() ?? {}));
  }
}

function isCounts(document: unknown): document is Readonly<Record<string, number>> {
  return isFields(document) && Object.values(document).every((count) => isCount(count));
}

function isSame(one: Counts, other: Counts): boolean {
  return one.size === other.size && [...one].every(([door, count]) => other.get(door) === count);
}
