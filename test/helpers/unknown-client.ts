import assert from 'node:assert/strict';

import type { LabProcess } from './processes.js';
import { waitFor } from './wait.js';

/** Attempts to connect that began in some time. */
export interface Tried {
  readonly all: number;
  /** How many got in. */
  readonly in: number;
  /** The longest time in which none began, that before the first and behind the last included, in milliseconds. */
  readonly gapMs: number;
}

interface Attempt {
  readonly beganMs: number;
  readonly connected: boolean;
}

/** A client that nobody has let in and that tries to connect all the time, by `peer attempts` of one or more processes. */
export class UnknownClient {
  readonly #processes: readonly LabProcess[];

  constructor(processes: readonly LabProcess[]) {
    this.#processes = processes;
  }

  /** What it has tried between two moments (CLOCK_MONOTONIC), once all of these attempts have ended. */
  async between(sinceMs: number, untilMs: number): Promise<Tried> {
    const all = (await Promise.all(this.#processes.map(async (child) => attempts(child, untilMs)))).flat();
    const within = all.filter(({ beganMs }) => beganMs >= sinceMs && beganMs <= untilMs);
    const times = [
      sinceMs,
      ...within.map(({ beganMs }) => beganMs).sort((one, other) => one - other),
      untilMs,
    ];
    return {
      all: within.length,
      in: within.filter(({ connected }) => connected).length,
      gapMs: Math.max(...times.slice(1).map((ms, index) => ms - (times[index] ?? ms))),
    };
  }
}

/** So long an attempt takes at most. */
const GIVEN_UP_MS = 500;

/** All attempts of a process, once those that began before this moment have ended. */
async function attempts(child: LabProcess, untilMs: number): Promise<readonly Attempt[]> {
  let known: readonly Attempt[] = [];
  const hasPassed = (): boolean => {
    assert.equal(child.exitCode, undefined, child.describe());
    known = child.stdout.split('\n').slice(0, -1).map(attempt);
    return known.some(({ beganMs }) => beganMs > untilMs + GIVEN_UP_MS);
  };
  await waitFor(hasPassed, 'attempts to end');
  return known;
}

function attempt(line: string): Attempt {
  const [began = '', connected = ''] = line.split(' ');
  return { beganMs: Number(began), connected: connected === '1' };
}
