import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Session } from '../helpers/lab.js';
import { nowMs } from '../helpers/promise.js';

const EVERY_MS = 100;
/** A session that is filtered never answers; a machine on which all cores are busy may take its time. */
const LOST_MS = 10_000;

/** An SSH-like session that echoes all the time; what is lost once is lost. */
export class EchoLoop {
  readonly #session: Session;
  readonly #done: Promise<void>;
  #ending = false;
  #echoes = 0;
  #slowestMs = 0;
  #lost: string | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#done = this.#run();
  }

  get slowestMs(): number {
    return this.#slowestMs;
  }

  /** The session is still there: it has echoed since the call. */
  async goesOn(): Promise<void> {
    const before = this.#echoes;
    const endMs = nowMs() + 2 * LOST_MS;
    while (this.#echoes < before + 2 && this.#lost === undefined && nowMs() < endMs) await sleep(20);
    assert.equal(this.#lost, undefined, this.#lost);
    assert.ok(this.#echoes >= before + 2, 'the session opened beforehand does not echo any more');
  }

  /** Ends the session; it must have echoed until now. */
  async end(): Promise<void> {
    try {
      await this.goesOn();
    } finally {
      this.#ending = true;
      await this.#done;
      await this.#session.close();
    }
  }

  async #run(): Promise<void> {
    while (!this.#ending && this.#lost === undefined) {
      const beganMs = nowMs();
      if (await this.#session.echo('still here', LOST_MS)) this.#echoes += 1;
      else this.#lost = `the session was lost after ${this.#echoes} echoes`;
      this.#slowestMs = Math.max(this.#slowestMs, nowMs() - beganMs);
      await sleep(EVERY_MS);
    }
  }
}
