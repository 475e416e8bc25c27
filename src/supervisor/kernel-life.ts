import type { Family } from '../base/address.js';
import { errorText } from '../base/errors.js';
import type { RunPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { Firewall } from '../firewall/firewall.js';
import {
  readFootprint,
  removeFootprint,
  unique,
  without,
  writeFootprint,
  type Footprint,
} from '../firewall/footprint.js';
import { removeFile } from '../system/files.js';
import type { Journal } from './journal.js';
import { kernelKnocksPath } from './kernel-knocks.js';

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

/** Whether packets meet rules of ours already: those of an earlier life. */
export async function isInForce(firewall: Firewall): Promise<boolean> {
  return (await firewall.inForce()).some((one) => one.met);
}

/**
 * Builds what a start needs: sets and chains, and no new jump. Rules of ours that are in force
 * (`adopted`) stay so throughout. At a first start the rules found are saved; services of an earlier
 * configuration are taken out.
 */
export async function settle(
  firewall: Firewall,
  adopted: boolean,
  places: KernelPlaces,
  journal: Recorder,
  now: Date,
): Promise<void> {
  const footprint = readFootprint(places.runFolder);
  const { names } = firewall;
  firewall.noteLeft(footprint?.trialChains ?? [], footprint?.services);
  const trialChains = firewall.trial?.chains ?? [];
  if (!adopted && names.length > 0) {
    try {
      const saved = await firewall.snapshot(places.snapshots, now);
      journal.record('firewall', 'rules from before the start saved', { files: saved }, 'debug');
    } catch (error) {
      // No space for a copy is no reason to leave a host unprotected.
      journal.record('firewall', `cannot save the rules found: ${errorText(error)}`, {}, 'warn');
    }
  }
  const strays = (footprint?.services ?? []).filter((name) => !names.includes(name));
  const { supervised } = places;
  const chains = [...new Set([...(footprint?.trialChains ?? []), ...trialChains])];
  const former = footprint?.places ?? [];
  const noted: Footprint = {
    services: [...names, ...strays],
    places: unique([...former, ...firewall.places]),
    madeTables: await madeTables(firewall, adopted ? footprint : undefined),
    supervised,
    ...(chains.length === 0 ? {} : { trialChains: chains }),
  };
  writeFootprint(places.runFolder, noted);
  await firewall.removeStrays(strays);
  await firewall.prepare();
  if (without(former, firewall.places).length === 0)
    writeFootprint(places.runFolder, { ...noted, services: [...names] });
}

/** Families whose filter table is there because of us. */
async function madeTables(firewall: Firewall, footprint: Footprint | undefined): Promise<readonly Family[]> {
  const fresh = without(firewall.places, footprint?.places ?? []).map(({ family }) => family);
  const missing = fresh.length === 0 ? [] : await firewall.missingTables();
  return [
    ...new Set([...(footprint?.madeTables ?? []), ...missing.filter((family) => fresh.includes(family))]),
  ];
}

/**
 * Once the rules are in force where they are to be: takes them out where an earlier configuration had them, another back
 * end or a family that is off now, and with them the sets of services that are gone. What fails is told, and is
 * tried again the next time.
 */
export async function leaveFormerPlaces(
  firewall: Firewall,
  runFolder: string,
  journal: Recorder,
): Promise<string[]> {
  const footprint = readFootprint(runFolder);
  const former = without(footprint?.places ?? [], firewall.places);
  if (footprint === undefined || former.length === 0) return [];
  const { services, trialChains = [], madeTables: made } = footprint;
  const kept: typeof former = [];
  const problems: string[] = [];
  for (const place of former) {
    const { backend, family } = place;
    const stays = firewall.places.some((other) => other.family === family);
    try {
      await firewall.leave(place, services, trialChains, made.includes(family) && !stays);
      const text = `rules of ours were taken out of iptables-${backend}, IPv${family}: the configuration has none there`;
      journal.record('firewall', text, { backend, family });
    } catch (error) {
      kept.push(place);
      problems.push(`rules of ours may be left in iptables-${backend}, IPv${family}: ${errorText(error)}`);
    }
  }
  const strays = services.filter((name) => !firewall.names.includes(name));
  if (kept.length === 0) for (const name of strays) problems.push(...(await firewall.sets.destroy(name)));
  writeFootprint(runFolder, {
    ...footprint,
    places: [...firewall.places, ...kept],
    services: kept.length === 0 ? [...firewall.names] : services,
  });
  for (const text of problems) journal.record('firewall', text, {}, 'warn');
  return problems;
}

/** Takes everything of ours out of the kernel. Gives what had to be left, and why. */
export async function clear(firewall: Firewall, runFolder: string, journal: Recorder): Promise<string[]> {
  const problems = await leaveFormerPlaces(firewall, runFolder, journal);
  const footprint = readFootprint(runFolder);
  firewall.noteLeft(footprint?.trialChains ?? [], footprint?.services);
  const { names } = firewall;
  const strays = (footprint?.services ?? []).filter((name) => !names.includes(name));
  const left = await firewall.remove(strays, footprint?.madeTables);
  removeFootprint(runFolder);
  removeFile(kernelKnocksPath(runFolder));
  return [...problems, ...left];
}
