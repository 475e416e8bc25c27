import { spawn, type ChildProcess } from 'node:child_process';

import { errorText } from '../base/errors.js';
import { CHILD_ENV } from '../system/exec-env.js';

/** Shell lines that run at the same time, and those that wait for a place. */
const MAX_RUNNING = 64;
const MAX_WAITING = 1_000;

/** How a shell line ended: its exit status, 0 where a signal killed it (as knockd reports it). */
export type ShellResult = { readonly status: number } | { readonly failed: string };

interface Job {
  readonly line: string;
  readonly resolve: (result: ShellResult) => void;
}

/**
 * Runs the administrator's own door commands, which are shell lines by knockd's contract: each by
 * /bin/sh in the background, none waits for another, and however many knocks come, no more than a
 * bounded number of processes. Descriptors of ours are closed in them (close-on-exec).
 */
export class Shell {
  readonly #waiting: Job[] = [];
  readonly #running = new Set<ChildProcess>();

  /** Runs a line; resolves when it has ended. Rejects nothing: how it went is the result. */
  async run(line: string): Promise<ShellResult> {
    if (this.#waiting.length >= MAX_WAITING) {
      return { failed: `${MAX_WAITING} commands are waiting already; this one is dropped` };
    }
    return new Promise((resolve) => {
      this.#waiting.push({ line, resolve });
      this.#next();
    });
  }

  /** How many run or wait. */
  get pending(): number {
    return this.#running.size + this.#waiting.length;
  }

  #next(): void {
    while (this.#running.size < MAX_RUNNING) {
      const job = this.#waiting.shift();
      if (job === undefined) return;
      this.#start(job);
    }
  }

  #start({ line, resolve }: Job): void {
    const child = spawn('/bin/sh', ['-c', line], { stdio: 'ignore', env: CHILD_ENV, cwd: '/' });
    this.#running.add(child);
    const ended = (result: ShellResult): void => {
      if (!this.#running.delete(child)) return;
      resolve(result);
      this.#next();
    };
    child.on('error', (error) => {
      ended({ failed: errorText(error) });
    });
    child.on('exit', (code) => {
      ended({ status: code ?? 0 });
    });
  }
}
