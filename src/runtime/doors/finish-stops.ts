import { within } from '../../system/clock.js';
import type { Clock } from '../../system/clock.js';
import { CLOSING_MS } from './pending-stops.js';
import type { PendingStops } from './pending-stops.js';
import type { Shell } from './shell.js';

/**
 * Runs the stop commands that wait, each now, and lets go after a moment of those that take longer: they go on without us, and
 * those that had no place yet are begun by a process of their own.
 */
export async function finishStops(stops: PendingStops, shell: Shell, clock: Clock): Promise<void> {
  await within(clock, CLOSING_MS, stops.runAll());
  shell.handOver();
  await new Promise((resolve) => setImmediate(resolve)); // so that those are noted as done
  stops.close();
  shell.detach();
}
