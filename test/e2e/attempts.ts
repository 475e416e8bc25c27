import assert from 'node:assert/strict';

import { PEER, type Lab, type Place } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';

/** Attempts at a port of one who tries on, one after the other: whether each got in. */
export class Attempts implements AsyncDisposable {
  readonly #process: LabProcess;

  constructor(lab: Lab, from: Place, address: string, port = 22, everyMs = 15) {
    this.#process = lab.spawn(from, [PEER, 'attempts', address, String(port), String(everyMs)]);
  }

  /** How many have ended, and how many of them got in. */
  get count(): { readonly all: number; readonly in: number } {
    const lines = this.#process.stdout.split('\n').slice(0, -1);
    return { all: lines.length, in: lines.filter((line) => line.endsWith(' 1')).length };
  }

  /** Waits for so many more to end; each takes half a second if it does not get in. */
  async more(lab: Lab, count: number): Promise<void> {
    const goal = this.count.all + count;
    await lab.waitFor(() => this.count.all >= goal, `${count} attempts`);
    assert.equal(this.#process.exitCode, undefined, this.#process.stderr);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.kill();
  }
}
