import type { Family } from '../../base/address.js';
import { EXIT, KnockError } from '../../base/errors.js';
import type { FallbackReading } from './otherwise.js';

/** The rules cannot be read by any means: they may be in force or not. Nothing may be concluded or repaired. */
export class Unreadable extends KnockError {
  override readonly name = 'Unreadable';
  readonly family: Family;
  /** The program that failed, and its message. */
  readonly why: string;

  constructor(family: Family, why: string) {
    super(`the rules of IPv${family} cannot be read: ${why}`, {
      exitCode: EXIT.firewall,
      hint: 'knockctl doctor shows the rule that causes it and the command that removes it',
    });
    this.family = family;
    this.why = why;
  }
}

/** The families whose last save failed, for one table. */
export class ReadFailures {
  readonly #reasons = new Map<Family, string>();
  readonly #readings = new Map<Family, FallbackReading>();
  /** Hung readers, and until when they are not asked: monotonic milliseconds. */
  readonly #suspended = new Map<Family, { readonly why: string; readonly untilMs: number }>();

  get reasons(): ReadonlyMap<Family, string> {
    return this.#reasons;
  }

  /** A save was complete. */
  recordSuccess(family: Family): void {
    this.#reasons.delete(family);
    this.#readings.delete(family);
    this.#suspended.delete(family);
  }

  /** A save failed; `reading`: the result of the fallback reader. */
  recordFailure(family: Family, why: string, reading: FallbackReading | undefined): void {
    this.#reasons.set(family, why);
    if (reading === undefined) this.#readings.delete(family);
    else this.#readings.set(family, reading);
  }

  /** The reading through which changes are made. */
  reading(family: Family): FallbackReading | undefined {
    return this.#readings.get(family);
  }

  /** The reader hangs: it is not asked for `forMs` milliseconds. */
  suspend(family: Family, why: string, forMs: number): void {
    this.#suspended.set(family, { why, untilMs: performance.now() + forMs });
  }

  resume(family: Family): void {
    this.#suspended.delete(family);
  }

  /** Returns why a reader is not asked now; undefined: it may be asked. */
  suspendedReason(family: Family): string | undefined {
    const spared = this.#suspended.get(family);
    return spared !== undefined && performance.now() < spared.untilMs ? spared.why : undefined;
  }
}
