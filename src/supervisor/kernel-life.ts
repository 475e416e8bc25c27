import { errorText } from '../base/errors.js';
import type { RunPaths } from '../config/paths.js';
import type { Config } from '../config/settings.js';
import type { Firewall } from '../firewall/firewall.js';
import { readFootprint, removeFootprint, writeFootprint } from '../firewall/footprint.js';
import type { Journal } from './journal.js';

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
  firewall.noteLeft(footprint?.trialChains ?? []);
  const trialChains = firewall.trial?.chains ?? [];
  let madeTables = footprint?.madeTables ?? [];
  if (!adopted && names.length > 0) {
    madeTables = await firewall.missingTables();
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
  const noted = { madeTables, supervised, ...(chains.length === 0 ? {} : { trialChains: chains }) };
  writeFootprint(places.runFolder, { services: [...names, ...strays], ...noted });
  await firewall.removeStrays(strays);
  await firewall.prepare();
  writeFootprint(places.runFolder, { services: [...names], ...noted });
}

/** Takes everything of ours out of the kernel. Gives what had to be left, and why. */
export async function clear(firewall: Firewall, runFolder: string): Promise<string[]> {
  const footprint = readFootprint(runFolder);
  firewall.noteLeft(footprint?.trialChains ?? []);
  const { names } = firewall;
  const strays = (footprint?.services ?? []).filter((name) => !names.includes(name));
  const left = await firewall.remove(strays, footprint?.madeTables);
  removeFootprint(runFolder);
  return left;
}
