import { FAMILIES, type Family } from '../base/address.js';
import { readIfExists, removeFile, replaceFile } from '../system/files.js';

/**
 * What of ours is in the kernel, noted in the run folder, which lives as long as the kernel does:
 * so that a later life finds services that the configuration no longer names, and `stop` knows
 * which tables were not there before us.
 */
export interface Footprint {
  readonly services: readonly string[];
  /** Families whose filter table did not exist before our first rule. */
  readonly madeTables: readonly Family[];
  /** Chains that only a trial has, of whatever service. */
  readonly trialChains?: readonly string[];
  /** True where a supervisor should be there for them; false after `knockctl setup`. */
  readonly supervised: boolean;
}

/** Where the footprint is noted. */
export function footprintPath(runFolder: string): string {
  return `${runFolder}/kernel.json`;
}

/** The footprint noted in a run folder; undefined where there is none, or none that can be believed. */
export function readFootprint(runFolder: string): Footprint | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readIfExists(footprintPath(runFolder)) ?? 'null');
  } catch {
    return undefined; // damaged: as good as none, what is in the kernel is looked up there
  }
  return isFootprint(parsed) ? parsed : undefined;
}

export function writeFootprint(runFolder: string, footprint: Footprint): void {
  replaceFile(footprintPath(runFolder), `${JSON.stringify(footprint)}\n`);
}

export function removeFootprint(runFolder: string): void {
  removeFile(footprintPath(runFolder));
}

function isFootprint(value: unknown): value is Footprint {
  if (typeof value !== 'object' || value === null || !('services' in value) || !('madeTables' in value))
    return false;
  const { services, madeTables } = value;
  const trialChains = 'trialChains' in value ? value.trialChains : [];
  return (
    isNames(trialChains, /^[A-Za-z0-9_][^\s"'\\]{0,27}$/) &&
    'supervised' in value &&
    typeof value.supervised === 'boolean' &&
    isNames(services, /^[A-Za-z0-9_][A-Za-z0-9_-]{0,15}$/) &&
    Array.isArray(madeTables) &&
    madeTables.every((family) => FAMILIES.some((known) => known === family))
  );
}

function isNames(value: unknown, shape: RegExp): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && shape.test(name));
}
