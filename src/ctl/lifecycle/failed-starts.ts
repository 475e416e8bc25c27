import { StateFile } from '../../system/state-file.js';
import { isCount, isFields } from '../../wire/guards.js';

/** Starts by cron that failed one after the other; noted in the run folder, which lives as long as the kernel does. */
interface FailedStarts {
  readonly count: number;
  /** Milliseconds since the epoch: when the last one failed. */
  readonly lastMs: number;
  /** It was the configuration: once that is fixed, the next try need not wait. */
  readonly byConfiguration: boolean;
}

/** After so many, on_failure is applied for good: whoever tries on every minute does harm to logs and helps nobody. */
export const MAX_FAILED_STARTS = 3;
/** From then on one try in so long. */
export const SLOW_TRIES_MS = 10 * 60_000;

/** Whether to try again at `nowMs`, where the configuration is or is not in order. Pure. */
export function isDue(failed: FailedStarts, nowMs: number, configurationOk: boolean): boolean {
  if (failed.count < MAX_FAILED_STARTS) return true;
  if (failed.byConfiguration && configurationOk) return true;
  const elapsedMs = nowMs - failed.lastMs;
  return elapsedMs >= SLOW_TRIES_MS || elapsedMs < 0; // the clock was set back: not held up for ever
}

const NONE: FailedStarts = { count: 0, lastMs: 0, byConfiguration: false };

function failedStartsFile(path: string): StateFile<FailedStarts> {
  return new StateFile(path, {
    parse: (document) => (isFailedStarts(document) ? document : undefined),
  });
}

/** What is noted in a file; nothing where the file is not there or damaged. */
export function readFailedStarts(path: string): FailedStarts {
  return failedStartsFile(path).readIfSound() ?? NONE;
}

export function noteFailedStart(path: string, nowMs: number, byConfiguration: boolean): FailedStarts {
  const noted = { count: readFailedStarts(path).count + 1, lastMs: nowMs, byConfiguration };
  failedStartsFile(path).write(noted);
  return noted;
}

export function forgetFailedStarts(path: string): void {
  failedStartsFile(path).remove();
}

function isFailedStarts(value: unknown): value is FailedStarts {
  if (!isFields(value)) return false;
  const { count, lastMs, byConfiguration } = value;
  return isCount(count) && typeof lastMs === 'number' && typeof byConfiguration === 'boolean';
}
