import type { Family } from '../../base/address.js';
import { errorText, EXIT, KnockError, type ExitCode } from '../../base/errors.js';

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
    const all = [...this.#errors].map(
      ([family, error]) => `knockctl's rules are still in the firewall,  IPv${family}: ${errorText(error)}`,
    );
    throw new KnockError([...all, ...left].join('\n'), {
      exitCode: exitCodeOf(first),
      hint: hintOf(first) ?? 'docs/recovery.md explains how to remove them by hand',
      cause: first,
    });
  }
}

function exitCodeOf(error: unknown): ExitCode {
  return error instanceof KnockError ? error.exitCode : EXIT.firewall;
}

function hintOf(error: unknown): string | undefined {
  return error instanceof KnockError && error.exitCode === EXIT.busy ? error.hint : undefined;
}
