import { spawn, type ChildProcess } from 'node:child_process';

import { errorText } from '../base/errors.js';
import { CHILD_ENV } from '../system/exec-env.js';

/**
 * What a line is for. Each kind has places of its own, so that no flood of knocks, and no start command that hangs,
 * keeps a door from being closed.
 */
export type Lane = 'start' | 'stop' | 'rescue';

/** Lines of a kind that run at the same time, and that wait for a place. */
interface Bounds {
  readonly running: number;
  readonly waiting: number;
}

const BOUNDS: Readonly<Record<Lane, Bounds>> = {
  start: { running: 64, waiting: 1_000 },
  // As many as doors are open, which is bounded elsewhere: none of them may be dropped.
  stop: { running: 64, waiting: Infinity },
  rescue: { running: 1, waiting: Infinity },
};

/** How a shell line ended: its exit status, 0 where a signal killed it (as knockd reports it). `failed`: it never ran. */
export type ShellResult = { readonly status: number } | { readonly failed: string };

interface Job {
  readonly line: string;
  readonly resolve: (result: ShellResult) => void;
}

interface Queue {
  readonly waiting: Job[];
  readonly running: Set<ChildProcess>;
}

/**
 * Runs the administrator's own door commands, which are shell lines by knockd's contract: each by
 * /bin/sh in the background, none waits for another, and however many knocks come, no more than a
 * bounded number of processes. Descriptors of ours are closed in them (close-on-exec).
 */
export class Shell {
  readonly #queues: Readonly<Record<Lane, Queue>> = {
    start: { waiting: [], running: new Set() },
    stop: { waiting: [], running: new Set() },
    rescue: { waiting: [], running: new Set() },
  };

  /** True where one more line would not be dropped. */
  hasRoom(lane: Lane): boolean {
    return this.#queues[lane].waiting.length < BOUNDS[lane].waiting;
  }

  /** Runs a line; resolves when it has ended. Rejects nothing: how it went is the result. */
  async run(line: string, lane: Lane = 'start'): Promise<ShellResult> {
    if (!this.hasRoom(lane)) {
      return { failed: `${BOUNDS[lane].waiting} commands are waiting already; this one is dropped` };
    }
    return new Promise((resolve) => {
      this.#queues[lane].waiting.push({ line, resolve });
      this.#next(lane);
    });
  }

  /** How many run or wait. */
  get pending(): number {
    return Object.values(this.#queues).reduce(
      (sum, { running, waiting }) => sum + running.size + waiting.length,
      0,
    );
  }

  /** Drops the start commands that wait: we end, and nobody would close what they open. */
  dropStarts(): void {
    for (const { resolve } of this.#queues.start.waiting.splice(0)) {
      resolve({ failed: 'not run, since knockctl ends' });
    }
  }

  /** Lets our process end though lines still run. */
  letGo(): void {
    for (const { running } of Object.values(this.#queues)) for (const child of running) child.unref();
  }

  #next(lane: Lane): void {
    const { waiting, running } = this.#queues[lane];
    while (running.size < BOUNDS[lane].running) {
      const job = waiting.shift();
      if (job === undefined) return;
      this.#start(job, lane);
    }
  }

  #start({ line, resolve }: Job, lane: Lane): void {
    const { running } = this.#queues[lane];
    const child = spawn('/bin/sh', ['-c', line], { stdio: 'ignore', env: CHILD_ENV, cwd: '/' });
    running.add(child);
    const ended = (result: ShellResult): void => {
      if (!running.delete(child)) return;
      resolve(result);
      this.#next(lane);
    };
    child.on('error', (error) => {
      ended({ failed: errorText(error) });
    });
    child.on('exit', (code) => {
      ended({ status: code ?? 0 });
    });
  }
}
