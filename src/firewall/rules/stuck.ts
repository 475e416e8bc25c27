import type { Family } from '../../base/address.js';
import { describeError, errorText, EXIT, KnockError } from '../../base/errors.js';

/** Collects the errors of a removal by family, so that one failed family does not hold up the other. */
export class RemovalErrors {
  readonly #errors = new Map<Family, unknown>();

  /** Runs the removal of one family; a failure is reported at the end. */
  async collect(family: Family, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#errors.set(family, error);
    }
  }

  /**
   * Throws KnockError if a family failed: what is still in the firewall, why, and what to do. `left`: what else had to
   * stay.
   */
  throwIfAny(left: readonly string[]): void {
    const [first] = this.#errors.values();
    if (first === undefined) return;
    const { exitCode, hint } = describeError(first);
    const all = [...this.#errors].map(
      ([family, error]) => `knockctl's rules are still in the firewall, IPv${family}: ${errorText(error)}`,
    );
    throw new KnockError([...all, ...left].join('\n'), {
      exitCode,
      hint:
        (exitCode === EXIT.busy ? hint : undefined) ?? 'docs/recovery.md explains how to remove them by hand',
      cause: first,
    });
  }
}
