import type { Family } from '../../base/address.js';
import { MAX_TIMEOUT_S } from '../../base/limits.js';
import type { Door } from '../../knock/door.js';
import type { SetSpec } from '../sets/set-specs.js';
import { doneSet, windowSet, cooldownSet } from '../model/door-names.js';

/** The sets of kernel doors, and their sizes (docs/decisions/0007-kernel-doors.md). Pure. */

/**
 * How many of a bucket's 12 slots are in use with the expected number of sources: then one new source in 1,700 finds
 * its bucket full.
 */
const SLOTS_IN_USE = 4;
const BUCKET_SLOTS = 12;
/** Later steps need fewer slots: two right ports take more than a flood of first packets. */
const LATER_STEPS_FACTOR = 16;
const MIN_BUCKETS = 64;

/**
 * Returns the sets of a door that the kernel follows. They have their final size from the start, because additions by
 * rules never make a set grow. maxelem is never reached before the buckets are full: at that limit the kernel would
 * search a thousand buckets for each packet.
 */
export function doorSets(door: Door, base: string, family: Family, sources: number): SetSpec[] {
  const buckets = bucketsFor(sources);
  const sets = [spec(windowSet(base, family), family, buckets, windowSeconds(door))];
  for (let done = 2; done < door.sequence.length; done += 1) {
    const fewer = Math.max(MIN_BUCKETS, buckets / LATER_STEPS_FACTOR);
    sets.push(spec(doneSet(base, done, family), family, fewer, windowSeconds(door)));
  }
  return sets;
}

/** The set of a door with a cool-down: who is in it has opened the door, which takes a whole knock, or one packet. */
export function cooldownSets(door: Door, base: string, family: Family, sources: number): SetSpec[] {
  if (door.cooldownMs === undefined) return [];
  const all = bucketsFor(sources);
  const buckets = door.sequence.length === 1 ? all : Math.max(MIN_BUCKETS, all / LATER_STEPS_FACTOR);
  return [spec(cooldownSet(base, family), family, buckets, inSeconds(door.cooldownMs))];
}

/** Returns the duration of an attempt in whole seconds, at least 1. */
function windowSeconds({ windowMs }: Door): number {
  return inSeconds(windowMs);
}

function inSeconds(ms: number): number {
  return Math.min(MAX_TIMEOUT_S, Math.max(1, Math.round(ms / 1000)));
}

function spec(name: string, family: Family, buckets: number, timeoutS: number): SetSpec {
  const inet = family === 4 ? 'inet' : 'inet6';
  const bounds = `hashsize ${buckets} maxelem ${2 * BUCKET_SLOTS * buckets}`;
  return { name, create: `hash:ip family ${inet} ${bounds} timeout ${timeoutS}` };
}

/** Returns a power of two, as the kernel uses. */
function bucketsFor(sources: number): number {
  let buckets = MIN_BUCKETS;
  while (SLOTS_IN_USE * buckets < sources) buckets *= 2;
  return buckets;
}
