import { errorText } from '../../base/errors.js';
import {
  startShellCommand,
  type ShellCommandResult,
  type ShellCommandStarter,
  type RunningShellCommand,
} from './shell-child.js';

/**
 * What a line is for. Each kind has places of its own, so that no flood of knocks, and no start command that hangs,
 * keeps a door from being closed.
 */
export type Priority = 'start' | 'stop' | 'rescue';

/** Lines of a kind that run at the same time, and that wait for a place. */
interface Bounds {
  readonly running: number;
  readonly waiting: number;
}

const BOUNDS: Readonly<Record<Priority, Bounds>> = {
  start: { running: 64, waiting: 1_000 },
  // As many as doors are open, which is bounded elsewhere: none of them may be dropped.
  stop: { running: 64, waiting: Infinity },
  rescue: { running: 1, waiting: Infinity },
};

/** Which goes first. */
const PRIORITIES: readonly Priority[] = ['rescue', 'stop', 'start'];

/** How a shell line ended. `dropped`: it was not run, since there were too many, or we end. */
type ShellResult = ShellCommandResult | { readonly dropped: true };

interface Job {
  readonly line: string;
  readonly resolve: (result: ShellResult) => void;
}

interface Queue {
  readonly waiting: Job[];
  readonly running: Set<RunningShellCommand>;
}

/**
 * Runs the administrator's own door commands, which are shell lines by knockd's contract: each by
 * /bin/sh in the background, none waits for another, and however many knocks come, no more than a
 * bounded number of processes.
 */
export class Shell {
  readonly #queues: Readonly<Record<Priority, Queue>> = {
    start: { waiting: [], running: new Set() },
    stop: { waiting: [], running: new Set() },
    rescue: { waiting: [], running: new Set() },
  };

  readonly #startLine: ShellCommandStarter;
  #turn: NodeJS.Immediate | undefined;

  constructor(start: ShellCommandStarter = startShellCommand) {
    this.#startLine = start;
  }

  /** True where one more line would not be dropped. */
  hasRoom(lane: Priority): boolean {
    const { waiting, running } = this.#queues[lane];
    return waiting.length + running.size < BOUNDS[lane].waiting + BOUNDS[lane].running;
  }

  /** Runs a line; resolves when it has ended. Rejects nothing: how it went is the result. */
  async run(line: string, lane: Priority = 'start'): Promise<ShellResult> {
    if (!this.hasRoom(lane)) return { dropped: true };
    return new Promise((resolve) => {
      this.#queues[lane].waiting.push({ line, resolve });
      this.#next();
    });
  }

  /** How many run or wait. */
  get pending(): number {
    return Object.values(this.#queues).reduce(
      (sum, { running, waiting }) => sum + running.size + waiting.length,
      0,
    );
  }

  /** Drops the start commands that wait, and tells how many: we end, and nobody would close what they open. */
  dropStarts(): number {
    const dropped = this.#queues.start.waiting.splice(0);
    for (const { resolve } of dropped) resolve({ dropped: true });
    return dropped.length;
  }

  /**
   * Has the stop commands that wait carried out without us: we end, and they must not be cut off. Few processes see to all of
   * them, each to some of the lines, a few at the same time.
   */
  handOver(): void {
    const jobs = this.#queues.stop.waiting.splice(0);
    for (const line of batchLines(jobs.map((job) => job.line))) {
      try {
        const started = this.#startLine(line, () => undefined);
        started.detach();
      } catch {
        return; // they stay on disk, for the next life
      }
    }
    for (const { resolve } of jobs) resolve({ status: 0 });
  }

  /** Lets our process end though lines still run. */
  detach(): void {
    for (const { running } of Object.values(this.#queues)) for (const line of running) line.detach();
  }

  /** Starts one process, and the next one in a later turn of the event loop: all else must have its turn too. */
  #next(): void {
    if (this.#turn !== undefined) return;
    const lane = PRIORITIES.find((name) => {
      const { waiting, running } = this.#queues[name];
      return waiting.length > 0 && running.size < BOUNDS[name].running;
    });
    const job = lane && this.#queues[lane].waiting.shift();
    if (lane === undefined || job === undefined) return;
    this.#start(job, lane);
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#next();
    });
  }

  #start({ line, resolve }: Job, lane: Priority): void {
    const { running } = this.#queues[lane];
    try {
      const started = this.#startLine(line, (result) => {
        running.delete(started);
        resolve(result);
        this.#next();
      });
      running.add(started);
    } catch (error) {
      resolve({ failed: errorText(error) });
    }
  }
}

/** A word of a command may have 128 KiB (execve(2)). */
const MAX_BATCH = 64 * 1024;
/** Lines of a batch that run at the same time. */
const AT_ONCE = 16;

/** Shell lines that carry out all of these, each by a shell of its own. */
function batchLines(lines: readonly string[]): string[] {
  const batches: string[][] = [];
  let size = Infinity;
  for (const line of lines) {
    const word = `/bin/sh -c '${line.replaceAll("'", `'\\''`)}' &`;
    if (size + word.length > MAX_BATCH) {
      batches.push([]);
      size = 0;
    }
    const batch = batches.at(-1) ?? [];
    if (batch.length % (AT_ONCE + 1) === AT_ONCE) batch.push('wait;');
    batch.push(word);
    size += word.length;
  }
  return batches.map((batch) => [...batch, 'wait'].join(' '));
}
