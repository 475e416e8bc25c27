/** When a listener that died is started again. Pure (docs/fail-safety.md: 0.2, 1, 2, 5 … 60 s; never giving up). */

const DELAYS_MS = [200, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000] as const;
/** Deaths within this time count together, and whoever has lived so long stays up. */
export const WINDOW_MS = 60_000;
const SLOW_MS = 60_000;

/** What is remembered from one death to the next. */
interface RestartState {
  /** When the deaths that count were, monotonic milliseconds, in order. */
  readonly deathsMs: readonly number[];
  /** It will not stay up; until one has lived for WINDOW_MS, tries are slow. */
  readonly givenUp: boolean;
}

/** Nobody has died yet. */
export const NO_DEATHS: RestartState = { deathsMs: [], givenUp: false };

/** What to do after a death, and what to remember of it. */
interface RestartDecision {
  readonly state: RestartState;
  readonly delayMs: number;
}

/**
 * The decision after a death at `nowMs` of a listener that had lived for `livedMs`. More than
 * `maxRestarts` deaths within WINDOW_MS, and it is given up: from then on one try a minute, for ever.
 */
export function decideRestart(
  state: RestartState,
  nowMs: number,
  livedMs: number,
  maxRestarts: number,
): RestartDecision {
  const stayedUp = livedMs >= WINDOW_MS;
  const earlier = stayedUp ? [] : state.deathsMs.filter((death) => nowMs - death < WINDOW_MS);
  const deathsMs = [...earlier, nowMs];
  const givenUp = (state.givenUp && !stayedUp) || deathsMs.length > maxRestarts;
  const delayMs = givenUp ? SLOW_MS : (DELAYS_MS[deathsMs.length - 1] ?? SLOW_MS);
  return { state: { deathsMs, givenUp }, delayMs };
}
