import { FAMILIES, type Family } from '../../base/address.js';
import { BACKENDS, type BackendName } from '../model/backend-name.js';
import { StateFile } from '../../system/state-file.js';
import type { TableName } from '../model/table-name.js';

/**
 * What knockctl has put into the kernel, recorded in the run folder, which lives as long as the kernel does: so a later
 * run finds services that the configuration no longer names, and `stop` knows which tables did not exist before.
 */
export interface Inventory {
  readonly services: readonly string[];
  /** Where knockctl's rules may be: other settings may select another back end, or omit a family. */
  readonly places: readonly Place[];
  /** Families whose filter table did not exist before knockctl's first rule. */
  readonly madeTables: readonly Family[];
  /** The same for table mangle, which only strict gates need. */
  readonly madeMangle?: readonly Family[];
  /** Chains that only a trial has, of any service. */
  readonly trialChains?: readonly string[];
  /** True if a supervisor should be running; false after `knockctl setup`. */
  readonly supervised: boolean;
  /** The boot that the inventory belongs to; a run folder may outlive it. */
  readonly bootId?: string;
}

/** Returns the tables of a family that did not exist before knockctl's first rule. */
export function madeTablesOf(
  family: Family,
  { madeTables, madeMangle = [] }: Pick<Inventory, 'madeTables' | 'madeMangle'>,
): TableName[] {
  return [
    ...(madeTables.includes(family) ? (['filter'] as const) : []),
    ...(madeMangle.includes(family) ? (['mangle'] as const) : []),
  ];
}

/** A location of rules: one family in one back end. */
export interface Place {
  readonly backend: BackendName;
  readonly family: Family;
}

/** Removes duplicate places. */
export function unique(places: readonly Place[]): Place[] {
  return [...new Map(places.map((place) => [`${place.backend} ${place.family}`, place])).values()];
}

/** Returns the places that are not in `others`. */
export function without(places: readonly Place[], others: readonly Place[]): Place[] {
  const isSame = (one: Place, two: Place): boolean =>
    one.backend === two.backend && one.family === two.family;
  return places.filter((place) => !others.some((other) => isSame(place, other)));
}

/** A damaged inventory is treated as missing: the kernel is searched instead. */
function inventoryFile(path: string): StateFile<Inventory> {
  return new StateFile(path, {
    parse: (document) => (isInventory(document) ? document : undefined),
  });
}

/** Reads the inventory in a file; undefined if it is missing or invalid. */
export function readInventory(path: string): Inventory | undefined {
  return inventoryFile(path).readIfSound();
}

/** Whether a supervisor should be running, by an inventory. */
export function isSupervised(path: string): boolean {
  return readInventory(path)?.supervised === true;
}

/** Whether the kernel can hold sets and rules of this inventory: it exists, and is not from an earlier boot. */
export function isOfBoot(inventory: Inventory | undefined, bootId: string): boolean {
  return inventory !== undefined && (inventory.bootId === undefined || inventory.bootId === bootId);
}

export function writeInventory(path: string, inventory: Inventory): void {
  inventoryFile(path).write(inventory);
}

export function removeInventory(path: string): void {
  inventoryFile(path).remove();
}

function isInventory(value: unknown): value is Inventory {
  if (typeof value !== 'object' || value === null || !('services' in value) || !('madeTables' in value))
    return false;
  const { services, madeTables } = value;
  const madeMangle = 'madeMangle' in value ? value.madeMangle : [];
  const places = 'places' in value ? value.places : undefined;
  const trialChains = 'trialChains' in value ? value.trialChains : [];
  return (
    (!('bootId' in value) || typeof value.bootId === 'string') &&
    isNames(trialChains, /^[A-Za-z0-9_][^\s"'\\]{0,27}$/) &&
    'supervised' in value &&
    typeof value.supervised === 'boolean' &&
    isNames(services, /^[A-Za-z0-9_][A-Za-z0-9_-]{0,15}$/) &&
    Array.isArray(madeTables) &&
    madeTables.every(isFamily) &&
    Array.isArray(madeMangle) &&
    madeMangle.every(isFamily) &&
    Array.isArray(places) &&
    places.every(isPlace)
  );
}

function isFamily(value: unknown): value is Family {
  return FAMILIES.some((known) => known === value);
}

function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null || !('backend' in value) || !('family' in value))
    return false;
  return BACKENDS.some((known) => known === value.backend) && isFamily(value.family);
}

function isNames(value: unknown, shape: RegExp): boolean {
  return Array.isArray(value) && value.every((name) => typeof name === 'string' && shape.test(name));
}
