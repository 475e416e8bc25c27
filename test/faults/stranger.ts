import assert from 'node:assert/strict';

import { PEER, type Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import type { Control, Kept } from '../helpers/promise.js';
import { waitFor } from '../helpers/wait.js';
import { PORT } from '../e2e-faults/setting.js';

interface Attempt {
  readonly beganMs: number;
  readonly connected: boolean;
}

const EVERY_MS = 60;
/** So many attempts that failed in a row mean that the port is shut. */
const SHUT_RUN = 6;

/** Somebody whom nobody lets in, and who tries on: tells when the port was open, and when shut. */
export class Stranger {
  readonly #process: LabProcess;
  readonly #control: Control;
  #attempts: Attempt[] = [];
  #read = 0;

  constructor(lab: Lab, address: string, control: Control) {
    this.#control = control;
    this.#process = lab.spawn('client', [PEER, 'attempts', address, String(PORT), String(EVERY_MS)]);
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

  /**
   * Waits until an attempt has got in; tells how long after `sinceMs` it began, and rejects if that was later than promised.
   * `starts`: starts of Node on the way.
   */
  async getsIn(sinceMs: number, limitMs: number, starts = 1): Promise<Kept> {
    const first = (): Attempt | undefined => this.since(sinceMs).find(({ connected }) => connected);
    await waitFor(() => first() !== undefined, 'a stranger to get in');
    const ms = (first()?.beganMs ?? NaN) - sinceMs;
    return this.#control.keeps('until a stranger got in', sinceMs, ms, limitMs, starts);
  }

  /**
   * Waits until the port is shut; tells how long after `sinceMs` the last attempt got in, 0 for none, and rejects if that
   * was later than promised.
   */
  async isShutOut(sinceMs: number, limitMs: number, starts = 1): Promise<Kept> {
    const shut = (): boolean => {
      const last = this.since(sinceMs).slice(-SHUT_RUN);
      return last.length === SHUT_RUN && last.every(({ connected }) => !connected);
    };
    await waitFor(shut, 'the port to be shut');
    const last = this.since(sinceMs).findLast(({ connected }) => connected);
    const ms = last === undefined ? 0 : last.beganMs - sinceMs;
    return this.#control.keeps('until a stranger was shut out', sinceMs, ms, limitMs, starts);
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
