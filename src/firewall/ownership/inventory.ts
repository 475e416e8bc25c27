import { FAMILIES, type Family } from '../../base/address.js';
import { BACKENDS, type BackendName } from '../model/backend-name.js';
import { StateFile } from '../../system/state-file.js';
import type { TableName } from '../model/table-name.js';

/**
 * What of ours is in the kernel, noted in the run folder, which lives as long as the kernel does:
 * so that a later life finds services that the configuration no longer names, and `stop` knows
 * which tables were not there before us.
 */
export interface Inventory {
  readonly services: readonly string[];
  /** Where rules of ours may stand: other settings may lead to another back end, or leave a family out. */
  readonly places: readonly Place[];
  /** Families whose filter table did not exist before our first rule. */
  readonly madeTables: readonly Family[];
  /** The same of the table mangle, which only second gates need. */
  readonly madeMangle?: readonly Family[];
  /** Chains that only a trial has, of whatever service. */
  readonly trialChains?: readonly string[];
  /** True where a supervisor should be there for them; false after `knockctl setup`. */
  readonly supervised: boolean;
  /** The life of the kernel that all of it is about; a run folder may outlive that. */
  readonly bootId?: string;
}

/** The tables of a family that were not there before our first rule. */
export function madeTablesOf(
  family: Family,
  { madeTables, madeMangle = [] }: Pick<Inventory, 'madeTables' | 'madeMangle'>,
): TableName[] {
  return [
    ...(madeTables.includes(family) ? (['filter'] as const) : []),
    ...(madeMangle.includes(family) ? (['mangle'] as const) : []),
  ];
}

/** Where rules are: one family in one back end. */
export interface Place {
  readonly backend: BackendName;
  readonly family: Family;
}

/** Each place once. */
export function unique(places: readonly Place[]): Place[] {
  return [...new Map(places.map((place) => [`${place.backend} ${place.family}`, place])).values()];
}

/** The places that are not among others. */
export function without(places: readonly Place[], others: readonly Place[]): Place[] {
  const isSame = (one: Place, two: Place): boolean =>
    one.backend === two.backend && one.family === two.family;
  return places.filter((place) => !others.some((other) => isSame(place, other)));
}

/** One that is damaged is as good as none: what is in the kernel is looked up there. */
function inventoryFile(path: string): StateFile<Inventory> {
  return new StateFile(path, {
    parse: (document) => (isInventory(document) ? document : undefined),
  });
}

/** The inventory in a file; undefined where there is none, or none that can be believed. */
export function readInventory(path: string): Inventory | undefined {
  return inventoryFile(path).readIfSound();
}

/** Whether a supervisor should be there for what an inventory lists. */
export function isSupervised(path: string): boolean {
  return readInventory(path)?.supervised === true;
}

/** Whether sets and rules of ours can be there because of us: there is a note, and it is not of an earlier boot. */
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
