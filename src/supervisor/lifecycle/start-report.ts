import { describeError, EXIT, KnockError } from '../../base/errors.js';
import type { StartOutcome } from '../../wire/start/start-outcome.js';
import type { State } from '../../wire/state.js';
import { RunningAlready } from '../../runtime/instance-lock.js';

/** How a start went that threw. */
export function failureOf(error: unknown): StartOutcome {
  const described = describeError(error);
  // A fault of ours needs its stack; what the system refuses does not.
  const isOurs = error instanceof Error && !(error instanceof KnockError) && !('code' in error);
  return {
    ...described,
    ...(isOurs && { text: error.stack ?? error.message }),
    keepsRunning: false,
    ...(error instanceof RunningAlready && { another: true }),
  };
}

/** How a start went: told once, to whoever waits for it. */
export class StartReport {
  #resolve: ((outcome: StartOutcome) => void) | undefined;

  /** Resolves once it is told. */
  async wait(): Promise<StartOutcome> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** From the second time on, nothing. */
  tell(outcome: StartOutcome): void {
    this.#resolve?.(outcome);
    this.#resolve = undefined;
  }

  /** What it means that a state was entered; `adopted`: rules of an earlier life stay in force whatever happens. */
  entered(state: State, reason: string, problem: unknown, adopted: boolean): void {
    if (problem !== undefined) {
      this.tell({ ...describeError(problem), keepsRunning: adopted });
    } else if (state === 'armed') {
      this.tell({ exitCode: EXIT.ok, text: 'armed', keepsRunning: true });
    } else {
      const text = `started, but not armed: ${reason}`;
      const hint = 'knockctl status tells more; it goes on trying';
      this.tell({ exitCode: EXIT.firewall, text, hint, keepsRunning: true });
    }
  }
}
