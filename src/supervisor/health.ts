import cron, { type ScheduledTask } from 'node-cron';

/** A check that runs on a cron schedule until it is disposed. */
export interface Schedule {
  /** When it runs next; undefined where the schedule never comes due. */
  next(): Date | undefined;
  [Symbol.dispose](): void;
}

/** Runs `check` on a cron expression of 5 or 6 fields. A run that is still going on is not run beside itself. */
export function schedule(expression: string, check: () => Promise<void>): Schedule {
  const task: ScheduledTask = cron.schedule(expression, check, {
    noOverlap: true,
    suppressMissedWarning: true,
  });
  return {
    next: () => task.getNextRun() ?? undefined,
    [Symbol.dispose]: () => {
      void task.destroy();
    },
  };
}
