import type { Family } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Firewall } from '../../firewall/firewall.js';
import {
  madeTablesOf,
  isOfBoot,
  readInventory,
  removeInventory,
  unique,
  without,
  writeInventory,
  type Inventory,
  type Place,
} from '../../firewall/ownership/inventory.js';
import { takeSnapshot } from '../../firewall/rules/snapshot.js';
import type { Clock } from '../../system/clock.js';
import { removeFile } from '../../system/files.js';
import { systemBootClock } from '../../system/boot-timestamp.js';
import type { Journal } from '../journal/journal.js';
import { knockCountersPath } from './knock-counters.js';
import { hasNoTrackedSessions, trackSessions } from './track-udp.js';

/** Where the life of our rules is noted. */
export interface KernelPlaces {
  readonly runFolder: string;
  readonly snapshots: string;
  /** Whether a supervisor is to be there for the rules. */
  readonly supervised: boolean;
}

/** Where the life of a supervisor's rules is noted. */
export function kernelPlaces(config: Config, paths: Pick<RunPaths, 'snapshots'>): KernelPlaces {
  return { runFolder: config.settings.paths.run, snapshots: paths.snapshots, supervised: true };
}

type Recorder = Pick<Journal, 'record'>;

/** Whether packets meet rules of ours already: those of an earlier life, whatever its services were. */
export async function isActive(firewall: Firewall, runFolder: string): Promise<boolean> {
  noteInventory(firewall, readInventory(runFolder));
  return firewall.isActive();
}

function noteInventory(firewall: Firewall, footprint: Inventory | undefined): void {
  firewall.recordOrphans(footprint?.trialChains ?? [], footprint?.services ?? []);
}

/**
 * Builds what a start needs: sets and chains, and no new jump. Rules of ours that are in force
 * (`adopted`) stay so throughout. At a first start the rules found are saved; services of an earlier
 * configuration are noted, and leave with the transaction that brings the new jumps. Gives what whoever starts must hear.
 */
export async function stage(
  firewall: Firewall,
  adopted: boolean,
  places: KernelPlaces,
  journal: Recorder,
  clock: Clock,
): Promise<string[]> {
  const footprint = readInventory(places.runFolder);
  noteInventory(firewall, footprint);
  const isNew = !adopted && hasNoTrackedSessions(firewall.services);
  const { names, orphanServices: strays } = firewall;
  const trialChains = firewall.trial?.chains ?? [];
  if (!adopted && names.length > 0) {
    try {
      const saved = await takeSnapshot(firewall.tables, firewall.families, places.snapshots, clock.wall());
      journal.record('firewall', 'rules from before the start saved', { files: saved }, 'debug');
    } catch (error) {
      // No space for a copy is no reason to leave a host unprotected.
      journal.record('firewall', `cannot save the rules found: ${errorText(error)}`, {}, 'warn');
    }
  }
  const { bootId } = systemBootClock();
  if (!isOfBoot(footprint, bootId)) await disownSets(firewall, journal);
  const { supervised } = places;
  const chains = [...new Set([...(footprint?.trialChains ?? []), ...trialChains])];
  const former = footprint?.places ?? [];
  const noted: Inventory = {
    services: [...names, ...strays],
    places: unique([...former, ...firewall.places]),
    madeTables: await madeTables(firewall, adopted ? footprint : undefined),
    madeMangle: await madeMangle(firewall, footprint),
    supervised,
    bootId,
    ...(chains.length === 0 ? {} : { trialChains: chains }),
  };
  writeInventory(places.runFolder, noted);
  await firewall.prepare();
  return isNew ? [await trackSessions(clock, journal)] : [];
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
async function madeTables(firewall: Firewall, footprint: Inventory | undefined): Promise<readonly Family[]> {
  const fresh = without(firewall.places, footprint?.places ?? []).map(({ family }) => family);
  const missing: Family[] = [];
  for (const family of fresh) if (!(await firewall.tables.exists(family))) missing.push(family);
  return [...new Set([...(footprint?.madeTables ?? []), ...missing])];
}

/**
 * Families whose table mangle is there because of us. Second gates come and go while we are in force, and a start that was
 * killed has left the table empty: what is noted counts, adopted or not.
 */
async function madeMangle(firewall: Firewall, footprint: Inventory | undefined): Promise<readonly Family[]> {
  const made = new Set(footprint?.madeMangle);
  for (const family of firewall.gatedFamilies)
    if (!(await firewall.tables.exists(family, 'mangle'))) made.add(family);
  return [...made];
}

/** Notes tables that are about to be made for a configuration which may yet be refused, while another one is in force. */
export async function recordMadeTables(firewall: Firewall, runFolder: string): Promise<void> {
  const footprint = readInventory(runFolder);
  if (footprint === undefined || firewall.gatedFamilies.length === 0) return;
  writeInventory(runFolder, { ...footprint, madeMangle: await madeMangle(firewall, footprint) });
}

/**
 * Once the rules are in force where they are to be: takes them out where an earlier configuration had them, another back
 * end or a family that is off now, and notes what is still there. What fails is told, and is tried again the next time.
 */
export async function pruneOrphans(
  firewall: Firewall,
  runFolder: string,
  journal: Recorder,
): Promise<string[]> {
  const footprint = readInventory(runFolder);
  if (footprint === undefined) return [];
  const former = without(footprint.places, firewall.places);
  const gone = footprint.services.filter((name) => !firewall.names.includes(name));
  if (former.length + gone.length === 0) return [];
  const { kept, problems } = await leavePlaces(firewall, footprint, former, journal);
  // Sets of services that are gone can go only now, when no rule names them.
  if (former.length > kept.length) problems.push(...(await firewall.pruneSets()));
  const services = kept.length === 0 ? [...firewall.names, ...firewall.orphanServices] : footprint.services;
  writeInventory(runFolder, { ...footprint, places: [...firewall.places, ...kept], services });
  for (const text of problems) journal.record('firewall', text, {}, 'warn');
  return problems;
}

async function leavePlaces(
  firewall: Firewall,
  footprint: Inventory,
  former: readonly Place[],
  journal: Recorder,
): Promise<{ readonly kept: readonly Place[]; readonly problems: string[] }> {
  const { services, trialChains = [] } = footprint;
  const kept: Place[] = [];
  const problems: string[] = [];
  for (const place of former) {
    const { backend, family } = place;
    const stays = firewall.places.some((other) => other.family === family);
    try {
      const made = stays ? [] : madeTablesOf(family, footprint);
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
export async function uninstall(firewall: Firewall, runFolder: string, journal: Recorder): Promise<string[]> {
  const footprint = readInventory(runFolder);
  noteInventory(firewall, footprint);
  const problems = await pruneOrphans(firewall, runFolder, journal);
  const left = await firewall.remove(footprint?.madeTables, footprint?.madeMangle);
  removeInventory(runFolder);
  removeFile(knockCountersPath(runFolder));
  return [...problems, ...left];
}
