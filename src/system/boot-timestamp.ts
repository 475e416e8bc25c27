import { readIfExists } from './files.js';

/** A point in time by both clocks, for what is written down now and read in another life. */
export interface BootTimestamp {
  /** The life of the kernel: two moments of one boot are apart by their monotonic clocks. Empty: not known. */
  readonly bootId: string;
  /** CLOCK_MONOTONIC, which all processes of one boot share; like the kernel's jiffies it stands still in suspend. */
  readonly monotonicMs: number;
  /** The wall clock: all there is to tell the time between two boots. */
  readonly wallMs: number;
}

/** Tells what time it is; tests give other times. */
export type BootClock = () => BootTimestamp;

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The machine's own (random(4), clock_gettime(2)). */
export const systemBootClock: BootClock = () => ({
  bootId: readIfExists(BOOT_ID)?.trim() ?? '',
  monotonicMs: Number(process.hrtime.bigint() / 1_000_000n),
  wallMs: Date.now(),
});

/**
 * Milliseconds from one moment to a later one, never below 0: a clock that was put back makes no time. Over a reboot
 * the wall clock has to be believed, within one boot it is not asked.
 */
export function elapsedMs(since: BootTimestamp, now: BootTimestamp): number {
  const sameBoot = since.bootId !== '' && since.bootId === now.bootId;
  const ms = sameBoot ? now.monotonicMs - since.monotonicMs : now.wallMs - since.wallMs;
  return Math.max(0, ms);
}
