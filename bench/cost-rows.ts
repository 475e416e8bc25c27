/** What commands, bans, packets and idleness cost, as rows of the table. */
import type { Banned } from './banned.js';
import type { Command } from './command.js';
import type { Idle } from './idle.js';
import type { Many } from './many.js';
import type { Recognition } from './recognition.js';
import { MOST_RESIDENT_KB } from './rows.js';
import { median, sum } from './statistics.js';
import { megabytes, microseconds, type Row } from './table.js';

const LEAST_PACKETS = 2e6;
/** The slowest case of a family beside its fastest: from here on the number of sources and doors is called no matter. */
const FLAT = 0.5;
/** Beside `node -e 0`. */
const MOST_WALL = 1.4;
const MOST_PEAK_KB = 10 * 1024;
/** Beside `ipset restore`. */
const MOST_BULK = 2;
const MOST_START = 3e6;
const MOST_IDLE = 0.002;

export function recognitionRows(all: readonly Recognition[]): Row[] {
  const millions = (packets: number): string => `${(packets / 1e6).toFixed(2)} M/s`;
  const cases = all.map(({ family, traffic, sources, doors, packetsPerSecond }) => ({
    what: `recognition alone, IPv${family}, ${traffic} of ${doors} doors, ${sources} sources`,
    ours: millions(packetsPerSecond),
    target: `≥ ${millions(LEAST_PACKETS)}`,
    reached: packetsPerSecond >= LEAST_PACKETS,
  }));
  const flat = ([4, 6] as const).flatMap((family): Row[] => {
    const speeds = all
      .filter((one) => one.family === family && one.traffic === 'first ports')
      .map((one) => one.packetsPerSecond);
    if (speeds.length === 0) return [];
    const share = Math.min(...speeds) / Math.max(...speeds);
    return [
      {
        what: `  slowest beside fastest of first ports, IPv${family}`,
        ours: `${share.toFixed(2)}×`,
        target: `≥ ${FLAT}×`,
        reached: share >= FLAT,
      },
    ];
  });
  return [...cases, ...flat];
}

export function commandRows(all: readonly Command[]): Row[] {
  return all.flatMap(({ runs, accept, node }) => {
    const more = accept.peakKb - node.peakKb;
    return [
      {
        what: `knockctl accept ADDR, whole process, median of ${runs}`,
        ours: microseconds(accept.wall),
        theirs: `node ${microseconds(node.wall)}`,
        ratio: accept.wall / node.wall,
        target: `≤ ${MOST_WALL}×`,
        reached: accept.wall <= MOST_WALL * node.wall,
      },
      {
        what: '  its peak of resident memory',
        ours: megabytes(accept.peakKb),
        theirs: `node ${megabytes(node.peakKb)}`,
        ratio: accept.peakKb / node.peakKb,
        target: `< +${megabytes(MOST_PEAK_KB)}`,
        reached: more < MOST_PEAK_KB,
      },
    ];
  });
}

export function manyRows(all: readonly Many[]): Row[] {
  return all.flatMap(({ entries, trusted, ...times }) => {
    const restore = median(times.restore);
    const bulk = (what: string, took: number): Row => ({
      what,
      ours: microseconds(took),
      theirs: `ipset ${microseconds(restore)}`,
      ratio: took / restore,
      target: `≤ ${MOST_BULK}×`,
      reached: took <= MOST_BULK * restore,
    });
    const both = median(times.startTrusted);
    return [
      bulk(`knockctl drop --file with ${entries} addresses`, median(times.drop)),
      bulk(`${entries} bans of the life before: what start takes longer`, times.bansAdd),
      { what: '  start until armed without any', ours: microseconds(median(times.start)) },
      {
        what: `  start until armed with ${trusted} trusted, ${entries} banned`,
        ours: microseconds(both),
        target: `≤ ${microseconds(MOST_START)}`,
        reached: both <= MOST_START,
      },
    ];
  });
}

/** No difference that can be measured: it is within the spread of the rounds without bans. */
export function bannedRows(all: readonly Banned[]): Row[] {
  return all.map(({ bans, sources, none, add, spread }) => ({
    what: `a packet to the protected port, ${sources === 1 ? '1 source' : `${sources} sources`}: ${bans} bans add`,
    ours: `${add.toFixed(0)} of ${(none + add).toFixed(0)} ns`,
    theirs: `spread ${spread.toFixed(0)} ns`,
    target: '≤ spread',
    reached: add <= spread,
  }));
}

export function idleRows(all: readonly Idle[]): Row[] {
  return all.flatMap(({ quiet, minute, residentKb, proportionalKb }) => {
    const memory = (what: string, kb: number): Row => ({
      what,
      ours: megabytes(kb),
      target: `≤ ${megabytes(MOST_RESIDENT_KB)}`,
      reached: kb <= MOST_RESIDENT_KB,
    });
    const cpu = (what: string, share: number): Row => ({
      what,
      ours: `${(share * 100).toFixed(3)} %`,
      target: `≤ ${MOST_IDLE * 100} %`,
      reached: share <= MOST_IDLE,
    });
    return [
      memory('idle: resident (VmRSS), both processes', sum(residentKb)),
      memory('  their part of it (Pss)', sum(proportionalKb)),
      cpu(`  of a core, all processes, ${quiet.seconds} s of heartbeats`, quiet.share),
      cpu('  the same of a minute, its health check too', minute),
    ];
  });
}
