import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 20;
/** What takes long to ask (a status takes seven processes) must not keep the machine from what is waited for. */
const MOST_POLL_MS = 500;
/** No machine is so busy: what has not come by then does not come. What is promised sooner is measured (promise.ts). */
const PATIENCE_MS = 180_000;

/**
 * Asks `condition` every 20 ms, or as seldom as it takes twice to ask, until it holds: for things that give no event. Rejects after three minutes with an error that
 * names `what` was waited for; an error of the condition's own passes through at once.
 */
export async function waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  if (!(await happensWithin(condition, PATIENCE_MS)))
    throw new Error(`waited ${PATIENCE_MS / 1_000} s in vain for: ${what}`);
}

/** Asks until the condition holds, or for so long: for what may fail, and is then tried again. Gives whether it held. */
export async function happensWithin(
  condition: () => boolean | Promise<boolean>,
  forMs: number,
): Promise<boolean> {
  const deadline = performance.now() + forMs;
  for (;;) {
    const beganMs = performance.now();
    if (await condition()) return true;
    const nowMs = performance.now();
    if (nowMs >= deadline) return false;
    await delay(Math.min(MOST_POLL_MS, Math.max(POLL_MS, 2 * (nowMs - beganMs))));
  }
}
