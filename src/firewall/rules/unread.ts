import type { Family } from '../../base/address.js';
import { EXIT, KnockError } from '../../base/errors.js';
import type { OtherReading } from './otherwise.js';

/** Rules that nothing tells: neither that they are there, nor that they are not. Nothing may be concluded, and nothing repaired. */
export class Unreadable extends KnockError {
  override readonly name = 'Unreadable';
  readonly family: Family;
  /** What could not be read, and in whose words. */
  readonly why: string;

  constructor(family: Family, why: string) {
    super(`the rules of IPv${family} cannot be read: ${why}`, {
      exitCode: EXIT.firewall,
      hint: 'knockctl doctor names the rule that is in the way, and what takes it out',
    });
    this.family = family;
    this.why = why;
  }
}

/** The families that a save did not tell, as of the last look. */
export class Unread {
  readonly #reasons = new Map<Family, string>();
  readonly #readings = new Map<Family, OtherReading>();
  /** Readers that hang, and until when they are left alone: monotonic milliseconds. */
  readonly #spared = new Map<Family, { readonly why: string; readonly untilMs: number }>();

  get reasons(): ReadonlyMap<Family, string> {
    return this.#reasons;
  }

  /** A save has told all. */
  over(family: Family): void {
    this.#reasons.delete(family);
    this.#readings.delete(family);
    this.#spared.delete(family);
  }

  /** A save has told nothing; `reading`: what the second way has. */
  found(family: Family, why: string, reading: OtherReading | undefined): void {
    this.#reasons.set(family, why);
    if (reading === undefined) this.#readings.delete(family);
    else this.#readings.set(family, reading);
  }

  /** By which changes are made. */
  reading(family: Family): OtherReading | undefined {
    return this.#readings.get(family);
  }

  /** The reader hangs: for so long nobody waits for it. */
  spare(family: Family, why: string, forMs: number): void {
    this.#spared.set(family, { why, untilMs: performance.now() + forMs });
  }

  tryAgain(family: Family): void {
    this.#spared.delete(family);
  }

  /** Why a reader is left alone now; undefined: it is not. */
  spared(family: Family): string | undefined {
    const spared = this.#spared.get(family);
    return spared !== undefined && performance.now() < spared.untilMs ? spared.why : undefined;
  }
}
