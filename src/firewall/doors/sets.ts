import type { Family } from '../../base/address.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { Door } from '../../knock/door.js';
import type { SetSpec } from '../sets/set-specs.js';
import { doneSet, windowSet, cooldownSet } from '../model/door-names.js';

/** The sets of doors in the kernel, and how large they are (docs/decisions/0007-kernel-doors.md). Pure. */

/**
 * Of a bucket's 12 places so many are to be taken when as many sources as were expected are there: then one newcomer
 * in 1,700 finds its bucket full.
 */
const LOAD = 4;
const PLACES = 12;
/** Who has done two steps knows two ports: that takes more than a flood of first packets. */
const FEWER = 16;
const SMALLEST = 64;

/**
 * The sets of a door that the kernel follows through its sequence. They are as large as they will ever be from the
 * start, for what packets add never makes a set grow; and no bound but that of the buckets is ever met, for at that one
 * the kernel would look through a thousand buckets for each packet.
 */
export function doorSets(door: Door, base: string, family: Family, sources: number): SetSpec[] {
  const buckets = bucketsFor(sources);
  const sets = [spec(windowSet(base, family), family, buckets, windowSeconds(door))];
  for (let done = 2; done < door.sequence.length; done += 1) {
    const fewer = Math.max(SMALLEST, buckets / FEWER);
    sets.push(spec(doneSet(base, done, family), family, fewer, windowSeconds(door)));
  }
  return sets;
}

/** The set of a door with a cool-down: who is in it has opened the door, which takes a whole knock, or one packet. */
export function cooldownSets(door: Door, base: string, family: Family, sources: number): SetSpec[] {
  if (door.cooldownMs === undefined) return [];
  const all = bucketsFor(sources);
  const buckets = door.sequence.length === 1 ? all : Math.max(SMALLEST, all / FEWER);
  return [spec(cooldownSet(base, family), family, buckets, inSeconds(door.cooldownMs))];
}

/** How long an attempt lasts, in seconds. Windows are written in whole ones; none of no length gets here. */
function windowSeconds({ windowMs }: Door): number {
  return inSeconds(windowMs);
}

function inSeconds(ms: number): number {
  return Math.min(MAX_TIMEOUT_S, Math.max(1, Math.round(ms / 1000)));
}

function spec(name: string, family: Family, buckets: number, timeoutS: number): SetSpec {
  const inet = family === 4 ? 'inet' : 'inet6';
  const bounds = `hashsize ${buckets} maxelem ${2 * PLACES * buckets}`;
  return { name, create: `hash:ip family ${inet} ${bounds} timeout ${timeoutS}` };
}

/** A power of two, as the kernel would make it. */
function bucketsFor(sources: number): number {
  let buckets = SMALLEST;
  while (LOAD * buckets < sources) buckets *= 2;
  return buckets;
}
