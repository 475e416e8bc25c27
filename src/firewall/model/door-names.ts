import { createHash } from 'node:crypto';

import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';

/**
 * Names of the chains and sets of kernel doors. A service has no dot in its name, its trial objects have one
 * (`ssh.new`), and the objects of one door have two: `knock.openSSH.k3f9_open`, `knock.openSSH.k3f9_window4`.
 */

/**
 * Characters kept of the names of an instance and a door: with the longest suffix (`_done31`), a chain has 28
 * characters and a set 30.
 */
const SHOWN = 16;
const HASH = 4;
const LONGEST = 7;

/**
 * The name prefix of all doors of one configuration, 1 to 9 characters. Two configurations may share a network
 * namespace, but not a service.
 */
export function doorsInstance(service: string): string {
  if (service === 'ssh') return 'knock';
  if (service.length <= LONGEST) return `k-${service}`;
  return `k-${service.slice(0, LONGEST - HASH)}${shortHash(service)}`;
}

/**
 * The chain that the jumps of the doors lead to; it also tags them (jumpTag). Every packet for the host enters the
 * doors here.
 */
export function doorsLabel(instance: string): string {
  return `${instance}.doors`;
}

/** The chain for packets that count at any door. */
export function stepChain(instance: string): string {
  return `${instance}.step`;
}

/** The chain for packets whose source has an attempt under way. */
export function underWayChain(instance: string): string {
  return `${instance}.under_way`;
}

/** The chain for packets that count at no door but must take as long as one that does. */
export function othersChain(instance: string): string {
  return `${instance}.others`;
}

/**
 * True for every name of a door object, and false for the names that a trial gives a service: those have one dot
 * (`knock.new_trusted4`).
 */
export function isDoorName(name: string, instance: string): boolean {
  if (!name.startsWith(`${instance}.`)) return false;
  const shared = [doorsLabel(instance), stepChain(instance), underWayChain(instance), othersChain(instance)];
  return shared.includes(name) || name.includes('.', instance.length + 1);
}

/**
 * Returns a base name for each door, in order: the readable part of the door's own name, and a hash of everything that
 * defines the door. An unchanged door keeps its names, and so its sets and attempts under way, whatever happens to the
 * others; a changed door gets new names, so that no attempt continues at a door where it did not begin.
 */
export function doorNames(doors: readonly Door[], sources: number, instance: string): string[] {
  const taken = new Set<string>();
  return doors.map((door) => {
    const shown =
      door.name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, SHOWN - instance.length - 1) || 'door';
    for (let nth = 0; ; nth += 1) {
      // nth: a second door with the same name and definition is a door of its own.
      const name = `${instance}.${shown}.${hashOf(door, sources, nth)}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  });
}

/** The set of sources that have an attempt under way at the door. */
export function windowSet(base: string, family: Family): string {
  return `${base}_window${family}`;
}

/** The set of those for whom the door has opened, and who have to wait until it listens to them again. */
export function cooldownSet(base: string, family: Family): string {
  return `${base}_cool${family}`;
}

/** The sources that have done this many steps, at least 2; those only in the window set have done one. */
export function doneSet(base: string, done: number, family: Family): string {
  return `${base}_done${done}.${family}`;
}

export function startChain(base: string): string {
  return `${base}_start`;
}

/** The chain for the packet that completes step `done`. */
export function doneChain(base: string, done: number): string {
  return `${base}_done${done}`;
}

export function openChain(base: string): string {
  return `${base}_open`;
}

export function endChain(base: string): string {
  return `${base}_end`;
}

/**
 * Covers everything that determines the sets: a set that would have to be created differently gets a different name.
 */
function hashOf(door: Door, sources: number, nth: number): string {
  const { name, sequence, windowMs, flags, target, cooldownMs } = door;
  const steps = sequence.map((step) => `${step.port}/${step.protocol}`);
  const all: unknown[] = [name, steps, windowMs, flags.mask, flags.value, target?.text ?? '', sources, nth];
  // A door without one keeps the name that it had in earlier versions.
  if (cooldownMs !== undefined) all.push(cooldownMs);
  return shortHash(JSON.stringify(all));
}

function shortHash(text: string): string {
  const digest = createHash('sha256').update(text).digest();
  return digest.readUIntBE(0, 6).toString(36).padStart(HASH, '0').slice(-HASH);
}
