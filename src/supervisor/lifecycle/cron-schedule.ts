import { validate } from 'node-cron';

import { nextTime } from '../../config/knockctl/cron.js';
import type { Clock, Timer } from '../../system/clock.js';

/** A check that runs on a cron schedule until it is disposed. */
export interface Schedule {
  /** When it runs next; undefined where the schedule never comes due. */
  next(): Date | undefined;
  [Symbol.dispose](): void;
}

/** We look at the wall clock so often at least: it may have been set. */
const LOOK_MS = 60_000;

/**
 * Runs `check` on a cron expression of 5 or 6 fields, by local time. Throws Error where it is none. A run that is still going on is not run beside itself, and of what came due
 * meanwhile, or while the machine slept, one run is made. A clock that is set back makes no pause.
 */
export function schedule(expression: string, check: () => Promise<void>, clock: Clock): Schedule {
  if (!validate(expression)) throw new Error(`not a cron expression: ${expression}`);
  let since = clock.wall();
  let due = nextTime(expression, since);
  let isRunning = false;
  let timer: Timer | undefined;
  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      await check();
    } finally {
      isRunning = false;
    }
  };
  const look = (): void => {
    const now = clock.wall();
    const isDue = due !== undefined && due <= now;
    if (isDue || now < since) {
      since = now;
      due = nextTime(expression, since);
    }
    if (isDue && !isRunning) void run();
    wait();
  };
  const wait = (): void => {
    const restMs = due === undefined ? LOOK_MS : due.getTime() - clock.wall().getTime();
    timer = clock.after(Math.max(1, Math.min(LOOK_MS, restMs)), look);
  };
  wait();
  return {
    next: () => due,
    [Symbol.dispose]: () => {
      timer?.[Symbol.dispose]();
    },
  };
}
