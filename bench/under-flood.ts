/** Knocks of legitimate clients while spoofed SYNs hit the first port, and what the flood costs in memory. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

import type { Backend } from '../test/helpers/lab.js';
import { WINDOW_S, type Engine } from './engines.js';
import { MILLION, Stand } from './stand.js';
import { median, percentile } from './statistics.js';

export interface UnderFlood {
  readonly engine: Engine;
  readonly backend: Backend;
  /** False: everything of ours was killed before. */
  readonly alive: boolean;
  /** Packets a second: asked for (0: as many as go out), sent, and those that reached the server's interface. */
  readonly rate: number;
  readonly sent: number;
  readonly arrived: number;
  /** Nanoseconds of a core for each of them, from the generator to the rule that drops it; null at a rate asked for. */
  readonly packetNs: number | null;
  readonly sources: number;
  readonly knocks: number;
  readonly opened: number;
  /** Packets of knocks that the link had no room for: these are not the engine's. */
  readonly lost: number;
  /** From the first packet of a knock to the answer of the first SYN that was let in, in milliseconds. */
  readonly wholeMedianMs: number;
  readonly wholeP99Ms: number;
  /** The processes are the same ones after it; null where there were none. */
  readonly survived: boolean | null;
  /** knockctl's door_sources; null: its default. */
  readonly doorSources: number | null;
  readonly memory: readonly Memory[];
}

export interface Memory {
  readonly when: 'before' | 'during' | 'after' | 'later';
  /** VmRSS of each process, in kB. */
  readonly residentKb: readonly number[];
  /** Pss of each: what they share is counted once. */
  readonly proportionalKb: readonly number[];
  /** Slab, percpu and vmalloc of /proc/meminfo, in kB. */
  readonly kernelKb: number;
  /** Attempts under way that the kernel holds, and its own account of its sets of doors, their tables left out, in kB. */
  readonly attempts: number;
  readonly setsKb: number;
}

const KNOCKS = 100;
const INTERVAL_MS = 40;
const PAUSE_MS = 10;
const PATIENCE_MS = 5_000;
/** The window, and then the kernel looks through a set of 128 parts every 12.8 s (ip_set_hash_gen.h). */
const REST_MS = WINDOW_S * 1000 + 15_000;
/** The flood fills the kernel's sets for as long before the first knock. */
const AHEAD_MS = 1_500;

export interface FloodCase {
  readonly alive?: boolean;
  readonly rate?: number;
  readonly knocks?: number;
  readonly intervalMs?: number;
  /** Look at the memory again when the kernel has had the time to clear its sets. */
  readonly rest?: boolean;
}

/** Each case in turn at one stand. */
export async function measureUnderFlood(
  engine: Engine,
  backend: Backend,
  cases: readonly FloodCase[],
  doorSources?: number,
): Promise<UnderFlood[]> {
  await using stand = await Stand.open({
    engine,
    backend,
    ...(doorSources === undefined ? {} : { doorSources }),
  });
  const done: UnderFlood[] = [];
  for (const each of cases) done.push(await measureCase(stand, each));
  return done;
}

async function measureCase(
  stand: Stand,
  { alive = true, rate = 0, knocks = KNOCKS, intervalMs = INTERVAL_MS, rest = false }: FloodCase,
): Promise<UnderFlood> {
  if (!alive && stand.product.identity('supervisor') !== undefined) await stand.kill();
  const before = stand.pids().map(identityOf).join();
  const look = async (when: Memory['when']): Promise<Memory> => ({
    when,
    residentKb: alive ? stand.resident() : [],
    proportionalKb: alive ? stand.proportional() : [],
    kernelKb: kernelKb(),
    ...(await doorSets(stand)),
  });
  const memory = [await look('before')];
  const knocking = { count: knocks, intervalMs, pauseMs: PAUSE_MS, patienceMs: PATIENCE_MS };
  const seconds = (AHEAD_MS + knocks * intervalMs + PATIENCE_MS) / 1000 + 10;
  const { flooded, result } = await stand.flood({ seconds, rate }, async () => {
    await delay(AHEAD_MS);
    const results = await stand.knock(knocking);
    memory.push(await look('during'));
    return results;
  });
  memory.push(await look('after'));
  if (rest) {
    await delay(REST_MS);
    memory.push(await look('later'));
  }
  const whole = result.opened.map((one) => one.whole / 1000);
  return {
    engine: stand.engine,
    backend: stand.lab.backend,
    alive,
    rate,
    sent: Math.round(flooded.sent / flooded.seconds),
    arrived: Math.round(flooded.arrived / flooded.seconds),
    packetNs: rate === 0 ? flooded.coreNs / flooded.sent : null,
    sources: MILLION,
    knocks,
    opened: whole.length,
    lost: result.lost,
    wholeMedianMs: median(whole),
    wholeP99Ms: percentile(whole, 0.99),
    survived: alive ? stand.pids().map(identityOf).join() === before : null,
    doorSources: stand.doorSources,
    memory,
  };
}

/** A process, by its pid and when it started (proc(5)); empty where it is gone. */
function identityOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return `${pid} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
  } catch {
    return '';
  }
}

async function doorSets({ lab }: Stand): Promise<Pick<Memory, 'attempts' | 'setsKb'>> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'list', '-t']);
  const sets = stdout.split('\n\n').filter((set) => /^Name: knock\./m.test(set));
  const sum = (of: readonly string[], pattern: RegExp): number =>
    of.reduce((all, set) => all + Number(pattern.exec(set)?.[1]), 0);
  const windows = sets.filter((set) => /^Name: \S+_window4$/m.test(set));
  return {
    attempts: sum(windows, /^Number of entries: (\d+)$/m),
    setsKb: sum(sets, /^Size in memory: (\d+)$/m) / 1024,
  };
}

function kernelKb(): number {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return ['Slab', 'Percpu', 'VmallocUsed']
    .map((name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]))
    .reduce((sum, kb) => sum + kb, 0);
}
