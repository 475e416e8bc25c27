import type { Family } from '../../base/address.js';
import { describeError, errorText, EXIT, KnockError } from '../../base/errors.js';

/** Families whose rules could not be taken out, so that the others are not held up by them. */
export class Stuck {
  readonly #errors = new Map<Family, unknown>();

  /** Does what is to be done in one family; a failure is told at the end. */
  async tried(family: Family, act: () => Promise<unknown>): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#errors.set(family, error);
    }
  }

  /** Throws KnockError where something failed: what is still in the firewall, why, and what to do. `left`: what had to be left besides. */
  tell(left: readonly string[]): void {
    const [first] = this.#errors.values();
    if (first === undefined) return;
    const { exitCode, hint } = describeError(first);
    const all = [...this.#errors].map(
      ([family, error]) => `rules of ours are still in the firewall, IPv${family}: ${errorText(error)}`,
    );
    throw new KnockError([...all, ...left].join('\n'), {
      exitCode,
      hint:
        (exitCode === EXIT.busy ? hint : undefined) ?? 'docs/recovery.md has how to take them out by hand',
      cause: first,
    });
  }
}
