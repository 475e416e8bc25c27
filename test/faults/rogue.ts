import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Scene } from './scene.js';

const PROGRAM = fileURLToPath(new URL('../../app/bin/listener.js', import.meta.url));

/**
 * A product whose listener's program can be exchanged: the supervisor lives in a mount namespace in which a file of ours
 * lies over it, and each next listener runs what that file holds then. Nothing else of the product is touched.
 */
export class Rogue {
  readonly #file: string;
  readonly #scene: Pick<Scene, 'lab' | 'ctlAfter'>;
  readonly #sound = readFileSync(PROGRAM, 'utf8');

  constructor(scene: Pick<Scene, 'lab' | 'ctlAfter'>) {
    this.#scene = scene;
    this.#file = join(scene.lab.dir, 'listener.js');
    this.sound();
    chmodSync(this.#file, 0o644);
  }

  /** The listener as it is. */
  sound(): void {
    writeFileSync(this.#file, this.#sound);
  }

  /** From its next start on the listener is this program; `channel` is its channel to the supervisor. */
  becomes(code: string): void {
    const channel =
      "const channel = new Socket({ fd: 3, readable: true, writable: true }).on('error', () => undefined);";
    writeFileSync(this.#file, `const { Socket } = require('node:net');\n${channel}\n${code}\n`);
  }

  /** The listener as it is, and code that runs beside it. */
  adds(code: string): void {
    writeFileSync(this.#file, `${this.#sound}\n{${code}}\n`);
  }

  /** Any verb that starts a supervisor. */
  async ctl(...args: readonly string[]): Promise<void> {
    const done = await this.#scene.ctlAfter(`mount --bind ${this.#file} ${PROGRAM}`, ...args);
    assert.equal(done.exitCode, 0, done.stderr);
  }
}
