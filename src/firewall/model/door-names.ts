import { createHash } from 'node:crypto';

import type { Family } from '../../base/address.js';
import type { Door } from '../../knock/door.js';

/**
 * Names of what doors in the kernel are made of. A service has no dot in its name, and what a trial makes of it has one
 * (`ssh.new`); what belongs to one door has two: `knock.openSSH.k3f9_open`, `knock.openSSH.k3f9_window4`.
 */

/** So much of the names of an instance and a door is kept: with the longest ending (`_done31`) a chain has 28 characters, a set 30. */
const SHOWN = 16;
const HASH = 4;
const LONGEST = 7;

/** Begins the names of all doors of one configuration, 1 to 9 characters: two may share a network namespace, but no service. */
export function doorsInstance(service: string): string {
  if (service === 'ssh') return 'knock';
  if (service.length <= LONGEST) return `k-${service}`;
  return `k-${service.slice(0, LONGEST - HASH)}${shortHash(service)}`;
}

/** By this their jumps are tagged (jumpTag), and it is the chain that they lead to: every packet for us begins there. */
export function doorsLabel(instance: string): string {
  return `${instance}.doors`;
}

/** Where a packet goes that counts for some door. */
export function stepChain(instance: string): string {
  return `${instance}.step`;
}

/** Where it goes when its source has an attempt under way. */
export function underWayChain(instance: string): string {
  return `${instance}.under_way`;
}

/** Where a packet goes that counts for none, and is to take the same time as one that does. */
export function othersChain(instance: string): string {
  return `${instance}.others`;
}

/** True for each of these names, and none that a trial makes of a service: that has one dot (`knock.new_trusted4`). */
export function isDoorName(name: string, instance: string): boolean {
  if (!name.startsWith(`${instance}.`)) return false;
  const shared = [doorsLabel(instance), stepChain(instance), underWayChain(instance), othersChain(instance)];
  return shared.includes(name) || name.includes('.', instance.length + 1);
}

/**
 * A base name for each door, in their order: what can be read of its own name, and a hash of all that makes it the door
 * it is. A door that stays as it is keeps its names, and with them its sets and the attempts under way, whatever
 * becomes of the others; one that changes gets new ones, so that no attempt goes on at a door that it did not begin at.
 */
export function doorNames(doors: readonly Door[], sources: number, instance: string): string[] {
  const taken = new Set<string>();
  return doors.map((door) => {
    const shown =
      door.name.replaceAll(/[^A-Za-z0-9_-]+/g, '_').slice(0, SHOWN - instance.length - 1) || 'door';
    for (let nth = 0; ; nth += 1) {
      // nth: a second door of the same name and kind is a door of its own.
      const name = `${instance}.${shown}.${hashOf(door, sources, nth)}`;
      if (taken.has(name)) continue;
      taken.add(name);
      return name;
    }
  });
}

/** The set of those who have an attempt under way at the door. */
export function windowSet(base: string, family: Family): string {
  return `${base}_window${family}`;
}

/** The set of those for whom the door has opened, and who have to wait until it listens to them again. */
export function cooldownSet(base: string, family: Family): string {
  return `${base}_cool${family}`;
}

/** The set of those who have done so many steps, 2 at least: who is only in the window has done one. */
export function doneSet(base: string, done: number, family: Family): string {
  return `${base}_done${done}.${family}`;
}

export function startChain(base: string): string {
  return `${base}_start`;
}

/** Where a packet goes that is the `done`th right one. */
export function doneChain(base: string, done: number): string {
  return `${base}_done${done}`;
}

export function openChain(base: string): string {
  return `${base}_open`;
}

export function endChain(base: string): string {
  return `${base}_end`;
}

/** Of all that the names of the sets stand for: a set that would have to be created otherwise has another name. */
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
