import { errorText } from '../base/errors.js';
import { readIfExists, replaceFile } from '../system/files.js';
import type { Journal } from './journal.js';

/** Knocks that the kernel carried out, by the name of the door. */
export type Counts = ReadonlyMap<string, number>;

/** In the run folder, which lives as long as the kernel's counters do. */
export function kernelKnocksPath(runFolder: string): string {
  return `${runFolder}/kernel-knocks.json`;
}

export interface KernelKnocksParts {
  readonly path: string;
  readonly journal: Pick<Journal, 'record'>;
}

/** Remembers how many knocks the kernel has carried out, so that those of the time without a supervisor can be told. */
export class KernelKnocks {
  readonly #parts: KernelKnocksParts;
  #noted = '';

  constructor(parts: KernelKnocksParts) {
    this.#parts = parts;
  }

  /** Tells what has been added since the last note of an earlier life. */
  tell(counts: Counts): void {
    const before = this.#read();
    for (const [door, count] of counts) {
      const known = before.get(door) ?? 0;
      // Fewer than before: the rules were made anew meanwhile.
      const more = count < known ? count : count - known;
      if (more === 0) continue;
      const knocks = more === 1 ? '1 knock' : `${more} knocks`;
      const text = `${door}: the kernel carried out ${knocks} while no supervisor saw it`;
      this.#parts.journal.record('knock', text, { door, count: more });
    }
    this.note(counts);
  }

  /** From now on these have been seen. */
  note(counts: Counts): void {
    const text = `${JSON.stringify(Object.fromEntries(counts))}\n`;
    if (text === this.#noted) return;
    try {
      replaceFile(this.#parts.path, text);
      this.#noted = text;
    } catch (error) {
      // Without it only a number is missing later.
      this.#parts.journal.record(
        'knock',
        `cannot note knocks of the kernel: ${errorText(error)}`,
        {},
        'debug',
      );
      this.#noted = text;
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
    const counts = Object.entries(parsed).filter((entry): entry is [string, number] =>
      Number.isSafeInteger(entry[1]),
    );
    return new Map(counts);
  }
}
