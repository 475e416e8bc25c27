/** Promised times, on machines that do other things besides. */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import { LabProcess } from './processes.js';
import { waitFor } from './wait.js';

/** CLOCK_MONOTONIC in milliseconds: the clock of peer.c and of the control process too. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

interface Loss {
  readonly endedMs: number;
  readonly lostMs: number;
}

/** What a promised time was, and what the control process lost meanwhile, both in milliseconds. */
export interface Kept {
  readonly ms: number;
  readonly limitMs: number;
  readonly lostMs: number;
}

/** The one that took longer. */
export function slower(one: Kept, other: Kept): Kept {
  return other.ms > one.ms ? other : one;
}

/**
 * A process that lives beside those under test and does nothing but wait for timers and start Node: what it loses in some
 * seconds, anybody on this machine lost. A promise of N ms is kept where it took no more than N and that.
 */
export class Control implements AsyncDisposable {
  readonly #process: LabProcess;
  readonly #losses: { readonly timer: Loss[]; readonly start: Loss[] } = { timer: [], start: [] };
  #read = 0;

  private constructor() {
    const program = fileURLToPath(new URL('control-process.js', import.meta.url));
    this.#process = new LabProcess([process.execPath, program]);
  }

  /** Resolves once it has measured a first start of Node. */
  static async start(): Promise<Control> {
    const control = new Control();
    await control.#process.until('start ');
    return control;
  }

  /**
   * What was lost between two moments by whoever waited for timers all the time, and started Node `starts` times on the
   * way: as slowly as the slowest start that began or ended then, or the one before.
   */
  lostMs(sinceMs: number, untilMs: number, starts: number): number {
    this.#readNew();
    const within = ({ endedMs }: Loss): boolean => endedMs >= sinceMs && endedMs <= untilMs + 100;
    const timers = this.#losses.timer.filter(within);
    const start = this.#losses.start.filter(within);
    const last = this.#losses.start.findLast(({ endedMs }) => endedMs <= sinceMs);
    const slowest = Math.max(0, last?.lostMs ?? 0, ...start.map(({ lostMs }) => lostMs));
    return timers.reduce((sum, { lostMs }) => sum + lostMs, 0) + starts * slowest;
  }

  /** Throws if what took `ms`, from `sinceMs` on, took longer than promised and lost. */
  keeps(what: string, sinceMs: number, ms: number, limitMs: number, starts = 1): Kept {
    const lostMs = this.lostMs(sinceMs, sinceMs + ms, starts);
    const told = `${what}: ${ms.toFixed(0)} ms, promised are ${limitMs}`;
    assert.ok(ms <= limitMs + lostMs, `${told}; the control process lost ${lostMs.toFixed(0)} ms meanwhile`);
    return { ms, limitMs, lostMs };
  }

  /** Waits until the condition holds, however long that takes; throws if it took longer than promised and lost. */
  async keepsUntil(
    what: string,
    sinceMs: number,
    limitMs: number,
    condition: () => boolean | Promise<boolean>,
  ): Promise<Kept> {
    await waitFor(condition, what);
    return this.keeps(what, sinceMs, nowMs() - sinceMs, limitMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }

  #readNew(): void {
    assert.equal(this.#process.exitCode, undefined, this.#process.describe());
    const text = this.#process.stdout;
    const end = text.lastIndexOf('\n') + 1;
    for (const line of text.slice(this.#read, end).split('\n')) {
      const [what = '', endedMs, lostMs] = line.split(' ');
      if (what !== 'timer' && what !== 'start') continue;
      this.#losses[what].push({ endedMs: Number(endedMs), lostMs: Number(lostMs) });
    }
    this.#read = end;
  }
}
