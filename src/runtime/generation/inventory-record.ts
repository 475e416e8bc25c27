import type { Family } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Firewall } from '../../firewall/firewall.js';
import {
  isOfBoot,
  readInventory,
  unique,
  without,
  writeInventory,
  type Inventory,
} from '../../firewall/ownership/inventory.js';
import { takeSnapshot } from '../../firewall/rules/snapshot.js';
import type { Clock } from '../../system/clock.js';
import { systemBootClock } from '../../system/boot-timestamp.js';
import type { Journal } from '../journal/journal.js';

/** Where it is recorded what of ours is in the kernel. */
export interface KernelPlaces {
  /** The file of the inventory. */
  readonly inventory: string;
  readonly snapshots: string;
  /** Whether a supervisor is to be there for the rules. */
  readonly supervised: boolean;
}

/** The same for a supervisor. */
export function kernelPlaces({
  inventory,
  snapshots,
}: Pick<RunPaths, 'inventory' | 'snapshots'>): KernelPlaces {
  return { inventory, snapshots, supervised: true };
}

type Recorder = Pick<Journal, 'record'>;

/** Whether packets meet rules of ours already: those of a previous run, whatever its services were. */
export async function isActive(firewall: Firewall, inventory: string): Promise<boolean> {
  noteInventory(firewall, readInventory(inventory));
  return firewall.isActive();
}

export function noteInventory(firewall: Firewall, inventory: Inventory | undefined): void {
  firewall.recordOrphans(inventory?.trialChains ?? [], inventory?.services ?? []);
}

/**
 * Records what is about to be in the kernel, before any of it is made: whoever comes next finds all of it. `adopted`: rules of ours
 * are in force; otherwise the rules that were found are saved first.
 */
export async function recordInventory(
  firewall: Firewall,
  adopted: boolean,
  { inventory: path, snapshots, supervised }: KernelPlaces,
  journal: Recorder,
  clock: Clock,
): Promise<void> {
  const inventory = readInventory(path);
  noteInventory(firewall, inventory);
  const { names, orphanServices } = firewall;
  if (!adopted && names.length > 0) await saveFoundRules(firewall, snapshots, journal, clock);
  const { bootId } = systemBootClock();
  if (!isOfBoot(inventory, bootId)) await disownSets(firewall, journal);
  const chains = [...new Set([...(inventory?.trialChains ?? []), ...(firewall.trial?.chains ?? [])])];
  const recorded: Inventory = {
    services: [...names, ...orphanServices],
    places: unique([...(inventory?.places ?? []), ...firewall.places]),
    madeTables: await madeTables(firewall, adopted ? inventory : undefined),
    madeMangle: await madeMangle(firewall, inventory),
    supervised,
    bootId,
    ...(chains.length === 0 ? {} : { trialChains: chains }),
  };
  writeInventory(path, recorded);
}

async function saveFoundRules(
  firewall: Firewall,
  snapshots: string,
  journal: Recorder,
  clock: Clock,
): Promise<void> {
  try {
    const saved = await takeSnapshot(firewall.tables, firewall.families, snapshots, clock.wall());
    journal.record('firewall', 'rules from before the start saved', { files: saved }, 'debug');
  } catch (error) {
    // No space for a copy is no reason to leave a host unprotected.
    journal.record('firewall', `cannot save the rules found: ${errorText(error)}`, {}, 'warn');
  }
}

/** So many of those who are not in any more are named. */
const NAMED = 5;

/** At a boot nothing of ours can be in the kernel yet: sets that are there were saved by somebody, who knows nothing of what was taken out since. */
async function disownSets(firewall: Firewall, journal: Recorder): Promise<void> {
  for (const name of firewall.names) {
    for (const [set, texts] of await firewall.sets.disown(name)) {
      if (texts.length === 0) continue;
      const more = texts.length > NAMED ? ` and ${texts.length - NAMED} more` : '';
      const text = `${set} was made by another program (ipset-persistent?) before knockctl began: ${texts.slice(0, NAMED).join(', ')}${more} taken out, knockctl's own files tell who is in`;
      journal.record('entries', text, { set, entries: texts.length }, 'warn');
    }
  }
}

/** Families whose filter table is there because of us. */
async function madeTables(firewall: Firewall, inventory: Inventory | undefined): Promise<readonly Family[]> {
  const fresh = without(firewall.places, inventory?.places ?? []).map(({ family }) => family);
  const missing: Family[] = [];
  for (const family of fresh) if (!(await firewall.tables.exists(family))) missing.push(family);
  return [...new Set([...(inventory?.madeTables ?? []), ...missing])];
}

/**
 * Families whose table mangle is there because of us. Second gates come and go while we are in force, and a start that was
 * killed has left the table empty: what is noted counts, adopted or not.
 */
async function madeMangle(firewall: Firewall, inventory: Inventory | undefined): Promise<readonly Family[]> {
  const made = new Set(inventory?.madeMangle);
  for (const family of firewall.gatedFamilies)
    if (!(await firewall.tables.exists(family, 'mangle'))) made.add(family);
  return [...made];
}
