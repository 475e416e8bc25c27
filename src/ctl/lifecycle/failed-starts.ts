import { readIfExists, removeFile, replaceFile } from '../../system/files.js';

/** Starts by cron that failed one after the other; noted in the run folder, which lives as long as the kernel does. */
export interface FailedStarts {
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
const NAME = 'failed-starts.json';

/** What is noted in a run folder; nothing where the file is not there or damaged. */
export function readFailedStarts(runFolder: string): FailedStarts {
  try {
    const parsed: unknown = JSON.parse(readIfExists(`${runFolder}/${NAME}`) ?? 'null');
    return isFailedStarts(parsed) ? parsed : NONE;
  } catch {
    return NONE;
  }
}

export function noteFailedStart(runFolder: string, nowMs: number, byConfiguration: boolean): FailedStarts {
  const noted = { count: readFailedStarts(runFolder).count + 1, lastMs: nowMs, byConfiguration };
  replaceFile(`${runFolder}/${NAME}`, `${JSON.stringify(noted)}\n`);
  return noted;
}

export function forgetFailedStarts(runFolder: string): void {
  removeFile(`${runFolder}/${NAME}`);
}

function isFailedStarts(value: unknown): value is FailedStarts {
  return (
    typeof value === 'object' &&
    value !== null &&
    'count' in value &&
    Number.isSafeInteger(value.count) &&
    'lastMs' in value &&
    typeof value.lastMs === 'number' &&
    'byConfiguration' in value &&
    typeof value.byConfiguration === 'boolean'
  );
}
