/** How long a door takes to open, from the last knock to the first SYN that is let in. */
import type { Family } from '../src/base/address.js';
import type { Backend } from '../test/helpers/lab.js';
import type { Engine } from './engines.js';
import { Stand } from './stand.js';
import { median, percentile } from './statistics.js';

export interface Latency {
  readonly engine: Engine;
  readonly backend: Backend;
  readonly family: Family;
  readonly knocks: number;
  /** Knocks whose door did not open within the patience. */
  readonly missed: number;
  /** Knocks whose very next SYN was let in. */
  readonly next: number;
  /** From the last knock to the SYN that was let in, in microseconds. */
  readonly median: number;
  readonly p99: number;
  readonly max: number;
  /** The same to the answer to that SYN. */
  readonly answerMedian: number;
  readonly answerP99: number;
  /** VmRSS of all its processes after the knocks, in kB. */
  readonly residentKb: number;
}

const KNOCKS = 100;
/** Far enough apart that no knock waits for the command of the one before. */
const INTERVAL_MS: Readonly<Record<Engine, number>> = { kernel: 20, listener: 80, shell: 80, knockd: 80 };
const PATIENCE_MS = 1_000;

export async function measureLatency(
  engine: Engine,
  backend: Backend,
  family: Family = 4,
  knocks = KNOCKS,
): Promise<Latency> {
  await using stand = await Stand.open({ engine, backend, family });
  const { opened } = await stand.knock({
    count: knocks,
    intervalMs: INTERVAL_MS[engine],
    patienceMs: PATIENCE_MS,
  });
  const toSyn = opened.map((one) => one.toSyn);
  const toAnswer = opened.map((one) => one.toAnswer);
  return {
    engine,
    backend,
    family,
    knocks,
    missed: knocks - opened.length,
    next: opened.filter((one) => one.refused === 0).length,
    median: median(toSyn),
    p99: percentile(toSyn, 0.99),
    max: percentile(toSyn, 1),
    answerMedian: median(toAnswer),
    answerP99: percentile(toAnswer, 0.99),
    residentKb: stand.resident().reduce((sum, kb) => sum + kb, 0),
  };
}
