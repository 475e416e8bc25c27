/** When to stop repairing what others undo. Pure (docs/fail-safety.md: more than five times a minute is a fight). */

export const WINDOW_MS = 60_000;
export const MAX_REPAIRS = 5;

/** When our rules had to be repaired lately: monotonic milliseconds, in order. */
export type Repairs = readonly number[];

/** What to remember after one more repair at `nowMs`, and whether it was one too many. */
export function noteRepair(repairs: Repairs, nowMs: number): { repairs: Repairs; isFight: boolean } {
  const recent = [...repairs.filter((time) => nowMs - time < WINDOW_MS), nowMs];
  return { repairs: recent, isFight: recent.length > MAX_REPAIRS };
}

/** Whether nobody has touched our rules for long enough to try again; `lastMs`: when somebody was last seen to. */
export function isQuiet(lastMs: number, nowMs: number): boolean {
  return nowMs - lastMs >= WINDOW_MS;
}
