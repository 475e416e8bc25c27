import { errorText } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import { type Clock } from '../../system/clock.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { uninstall } from '../../runtime/generation/prune.js';
import type { Shell } from '../../runtime/doors/shell.js';
import type { PersistentState, Generation } from '../../runtime/generation/generation.js';
import { finishStops } from '../../runtime/doors/finish-stops.js';

/** So long the switch is fed at least for the next supervisor: as long as it is by default. */
const HANDOVER_S = 30;

interface TeardownParts {
  readonly paths: Pick<RunPaths, 'inventory' | 'knockCounters'>;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly shell: Shell;
  readonly persistent: PersistentState;
}

/** How the service ends. */
export interface TeardownOptions {
  /** What is in the kernel stays, for a supervisor that takes over. */
  readonly keep: boolean;
  /** The switch was fed until now. */
  readonly wasFed: boolean;
}

/** Ends a generation: its commands, its entries, and what of it is in the kernel. Gives what had to be left. */
export async function teardown(
  generation: Generation,
  { keep, wasFed: fed }: TeardownOptions,
  parts: TeardownParts,
): Promise<string[]> {
  const { firewall, doors, config, trusted } = generation;
  trusted.retire();
  const { clock, journal, paths, persistent, shell } = parts;
  const dropped = shell.dropStarts();
  if (dropped > 0) {
    const text = `${dropped} start commands that waited were dropped, since we end`;
    journal.record('command', text, {}, 'warn');
  }
  // A supervisor that takes over runs them at their time.
  if (keep) persistent.stops.close();
  else await finishStops(persistent.stops, shell, clock);
  doors.tellDropped();
  // A supervisor that takes over has the whole switch time for it, and on a busy machine needs more than the shortest.
  if (keep && fed) await firewall.feed(Math.max(HANDOVER_S, config.settings.failsafe.switchTimeoutS));
  await saveEntries(firewall.names, keep, parts);
  if (!keep) await firewall.trip().catch(() => undefined); // a start that failed may not have built the sets
  const left = keep ? [] : await uninstall(firewall, paths, journal);
  await firewall.sets.close();
  return left;
}

/** The last act before the sets go. A kernel that does not answer must not keep us from ending. */
async function saveEntries(
  services: readonly string[],
  keep: boolean,
  { journal, persistent: { entries } }: TeardownParts,
): Promise<void> {
  try {
    if (services.length > 0) await entries.end(services, keep);
  } catch (error) {
    journal.record('entries', `entries not saved at the end: ${errorText(error)}`, {}, 'error');
  }
  entries.close();
}
