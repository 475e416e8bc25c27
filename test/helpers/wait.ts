import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
/** Where nothing is promised: a busy machine is no fault of ours. */
const PATIENCE_MS = 20_000;

/**
 * Asks `condition` every 20 ms until it holds, for things that give no event. Rejects after
 * `timeoutMs` with an error that names `what` was waited for; an error of the condition's own passes
 * through at once.
 */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() >= deadline) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
    await delay(POLL_MS);
  }
}
