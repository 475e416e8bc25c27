import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';

import type { Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import { waitFor } from '../helpers/wait.js';
import { PORT } from '../e2e-faults/setting.js';

/** Milliseconds of the clock that attempts.ts stamps with. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

interface Attempt {
  readonly beganMs: number;
  readonly connected: boolean;
}

const EVERY_MS = 60;
/** So many attempts that failed in a row mean that the port is shut. */
const SHUT_RUN = 6;
/** An attempt is known to have failed only after half a second; then the machine may be busy. */
const LATE_MS = 5_000;

/** Somebody whom nobody lets in, and who tries on: tells when the port was open, and when shut. */
export class Stranger {
  readonly #process: LabProcess;
  #attempts: Attempt[] = [];
  #read = 0;

  constructor(lab: Lab, address: string) {
    const program = fileURLToPath(new URL('attempts.js', import.meta.url));
    this.#process = lab.spawn('client', [process.execPath, program, address, String(PORT), String(EVERY_MS)]);
  }

  /** Attempts that began at `sinceMs` or later and have ended, in the order of their beginning. */
  since(sinceMs: number): readonly Attempt[] {
    const text = this.#process.stdout;
    const end = text.lastIndexOf('\n') + 1;
    const lines = text.slice(this.#read, end).split('\n').slice(0, -1);
    this.#read = end;
    const fresh = lines.map((line) => {
      const [began = '', connected = ''] = line.split(' ');
      return { beganMs: Number(began), connected: connected === '1' };
    });
    this.#attempts = [...this.#attempts, ...fresh].sort((one, other) => one.beganMs - other.beganMs);
    assert.equal(this.#process.exitCode, undefined, this.#process.stderr);
    return this.#attempts.filter(({ beganMs }) => beganMs >= sinceMs);
  }

  /** Forgets attempts before that moment, for runs that are long. */
  forget(beforeMs: number): void {
    this.#attempts = [...this.since(beforeMs)];
  }

  /** Milliseconds from `sinceMs` to the first attempt that got in; rejects where none that began within `limitMs` did. */
  async getsIn(sinceMs: number, limitMs: number): Promise<number> {
    const first = (): Attempt | undefined => this.since(sinceMs).find(({ connected }) => connected);
    await waitFor(() => first() !== undefined, 'a stranger to get in', limitMs + LATE_MS);
    const ms = (first()?.beganMs ?? NaN) - sinceMs;
    assert.ok(ms <= limitMs, `a stranger got in after ${ms.toFixed(0)} ms, not within ${limitMs}`);
    return ms;
  }

  /** Waits until the port is shut; gives the milliseconds from `sinceMs` to the last attempt that got in, 0 for none. */
  async isShutOut(sinceMs: number, limitMs: number): Promise<number> {
    const shut = (): boolean => {
      const last = this.since(sinceMs).slice(-SHUT_RUN);
      return last.length === SHUT_RUN && last.every(({ connected }) => !connected);
    };
    await waitFor(shut, 'the port to be shut', limitMs + LATE_MS);
    const last = this.since(sinceMs).findLast(({ connected }) => connected);
    const ms = last === undefined ? 0 : last.beganMs - sinceMs;
    assert.ok(ms <= limitMs, `a stranger still got in after ${ms.toFixed(0)} ms, allowed are ${limitMs}`);
    return ms;
  }

  /** Nobody has got in since then. */
  neverGotIn(sinceMs: number, meanwhile: string): void {
    const attempts = this.since(sinceMs);
    const first = attempts.find(({ connected }) => connected);
    if (first === undefined) return;
    const count = attempts.filter(({ connected }) => connected).length;
    const afterMs = (first.beganMs - sinceMs).toFixed(0);
    assert.fail(
      `${meanwhile}: ${count} of ${attempts.length} attempts got in, the first after ${afterMs} ms`,
    );
  }

  async end(): Promise<void> {
    await this.#process.kill();
  }
}
