import { setTimeout as sleep } from 'node:timers/promises';

import { EXIT, KnockError } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import { isLocked, lockKept, PASSING_MS } from '../../system/lock.js';
import { isAlive, readAlive, signal, type ProcessIdentity } from '../../system/process.js';

/** A stop takes no longer, on however busy a machine; it waits 2 s for stop commands of doors, 5 s for the xtables lock. */
export const STOP_MS = 60_000;

/** The supervisor as commands see its process: by the lock that it holds, and by what it has noted of itself. */
export class SupervisorProcess {
  readonly #paths: Pick<RunPaths, 'lock' | 'supervisor'>;

  constructor(paths: Pick<RunPaths, 'lock' | 'supervisor'>) {
    this.#paths = paths;
  }

  /** The lock alone tells it: a pid can be somebody else's by now. */
  isRunning(): boolean {
    return isLocked(this.#paths.lock);
  }

  /** The one that has told who it is, while it lives; one in its first moment has not. */
  noted(): ProcessIdentity | undefined {
    const noted = readAlive(this.#paths.supervisor); // first, since to look at the lock takes a process
    return noted !== undefined && this.isRunning() ? noted : undefined;
  }

  /**
   * Who is in charge, undefined where nobody is. Waits while the lock is held by somebody who has not told who it is: a command,
   * or a supervisor in its first moment; throws KnockError where somebody keeps it so.
   */
  async incumbent(): Promise<ProcessIdentity | undefined> {
    const endMs = performance.now() + PASSING_MS;
    for (;;) {
      // The note first: whoever comes between these two looks is waited for.
      const noted = readAlive(this.#paths.supervisor);
      if (!this.isRunning()) return undefined;
      if (noted !== undefined) return noted;
      if (performance.now() >= endMs) throw lockKept(this.#paths.lock);
      await sleep(20);
    }
  }

  /**
   * Waits until that one has ended, and its lock is free or another's; its threads hold that for a moment longer than it can be
   * seen to live. Throws KnockError where it takes too long.
   */
  async untilEnded(which: ProcessIdentity): Promise<void> {
    const endMs = performance.now() + STOP_MS;
    while (isAlive(which) || this.#isHeldByNobodyKnown()) {
      if (performance.now() > endMs)
        throw new KnockError('the supervisor does not end', { exitCode: EXIT.busy });
      await sleep(20);
    }
  }

  /** Ends one that holds the lock and does nothing else, and no other; what is in the kernel stays. */
  async kill(which: ProcessIdentity): Promise<void> {
    signal(which, 'SIGKILL');
    await this.untilEnded(which);
  }

  #isHeldByNobodyKnown(): boolean {
    return readAlive(this.#paths.supervisor) === undefined && this.isRunning();
  }
}
