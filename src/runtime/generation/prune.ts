import { errorText } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Firewall } from '../../firewall/firewall.js';
import {
  madeTablesOf,
  readInventory,
  removeInventory,
  without,
  writeInventory,
  type Inventory,
  type Place,
} from '../../firewall/ownership/inventory.js';
import { removeFile } from '../../system/files.js';
import type { Journal } from '../journal/journal.js';
import { noteInventory } from './inventory-record.js';

type Recorder = Pick<Journal, 'record'>;

/**
 * Once the rules are in force where they are to be: takes them out where an earlier configuration had them, another back
 * end or a family that is off now, and notes what is still there. What fails is told, and is tried again the next time.
 */
export async function pruneOrphans(firewall: Firewall, path: string, journal: Recorder): Promise<string[]> {
  const inventory = readInventory(path);
  if (inventory === undefined) return [];
  const former = without(inventory.places, firewall.places);
  const gone = inventory.services.filter((name) => !firewall.names.includes(name));
  if (former.length + gone.length === 0) return [];
  const { kept, problems } = await removeFromPlaces(firewall, inventory, former, journal);
  // Sets of services that are gone can go only now, when no rule names them.
  if (former.length > kept.length) problems.push(...(await firewall.pruneSets()));
  const services = kept.length === 0 ? [...firewall.names, ...firewall.orphanServices] : inventory.services;
  writeInventory(path, { ...inventory, places: [...firewall.places, ...kept], services });
  for (const text of problems) journal.record('firewall', text, {}, 'warn');
  return problems;
}

async function removeFromPlaces(
  firewall: Firewall,
  inventory: Inventory,
  former: readonly Place[],
  journal: Recorder,
): Promise<{ readonly kept: readonly Place[]; readonly problems: string[] }> {
  const { services, trialChains = [] } = inventory;
  const kept: Place[] = [];
  const problems: string[] = [];
  for (const place of former) {
    const { backend, family } = place;
    const stays = firewall.places.some((other) => other.family === family);
    try {
      const made = stays ? [] : madeTablesOf(family, inventory);
      await firewall.removeFrom(place, services, trialChains, made);
      const text = `rules of ours were taken out of iptables-${backend}, IPv${family}: the configuration has none there`;
      journal.record('firewall', text, { backend, family });
    } catch (error) {
      kept.push(place);
      problems.push(`rules of ours may be left in iptables-${backend}, IPv${family}: ${errorText(error)}`);
    }
  }
  return { kept, problems };
}

/** Takes everything of ours out of the kernel. Gives what had to be left, and why. */
export async function uninstall(
  firewall: Firewall,
  paths: Pick<RunPaths, 'inventory' | 'knockCounters'>,
  journal: Recorder,
): Promise<string[]> {
  const inventory = readInventory(paths.inventory);
  noteInventory(firewall, inventory);
  const problems = await pruneOrphans(firewall, paths.inventory, journal);
  const left = await firewall.remove(inventory?.madeTables, inventory?.madeMangle);
  removeInventory(paths.inventory);
  removeFile(paths.knockCounters);
  return [...problems, ...left];
}
