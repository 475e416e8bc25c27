import type { Family } from '../../base/address.js';
import { errorText, EXIT, KnockError, type ExitCode } from '../../base/errors.js';

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
    const all = [...this.#errors].map(
      ([family, error]) => `rules of ours are still in the firewall, IPv${family}: ${errorText(error)}`,
    );
    throw new KnockError([...all, ...left].join('\n'), {
      exitCode: exitCodeOf(first),
      hint: hintOf(first) ?? 'docs/recovery.md has how to take them out by hand',
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
