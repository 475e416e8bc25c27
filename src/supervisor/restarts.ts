/** When a listener that died is started again. Pure (failsafe.md: 0.2, 1, 2, 5 … 60 s; never giving up). */

const DELAYS_MS = [200, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000] as const;
/** Deaths within this time count together. */
export const WINDOW_MS = 60_000;
const SLOW_MS = 60_000;

/** What to do after a death. */
export interface RestartDecision {
  readonly delayMs: number;
  /** It will not stay up: trip at once, and try on slowly, for ever. */
  readonly givenUp: boolean;
}

/**
 * The decision after the latest death. `deathsMs`: when it died, monotonic milliseconds, in order,
 * the latest last. `maxRestarts`: how many deaths within WINDOW_MS are answered by a quick restart.
 */
export function decideRestart(deathsMs: readonly number[], maxRestarts: number): RestartDecision {
  const latest = deathsMs.at(-1) ?? 0;
  const recent = deathsMs.filter((death) => latest - death < WINDOW_MS).length;
  if (recent > maxRestarts) return { delayMs: SLOW_MS, givenUp: true };
  return { delayMs: DELAYS_MS[Math.max(0, recent - 1)] ?? SLOW_MS, givenUp: false };
}
