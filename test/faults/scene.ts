import assert from 'node:assert/strict';

import type { Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend, type Lab } from '../helpers/lab.js';
import type { ExecResult } from '../helpers/processes.js';
import { KNOCKCTL, Product } from '../helpers/product.js';
import { happensWithin, waitFor } from '../helpers/wait.js';
import {
  DOORS,
  FAMILIES,
  files,
  getsIn,
  jumps,
  kernel,
  PORT,
  untilRunning,
  SEQUENCE,
  ssh,
} from '../e2e-faults/setting.js';
import { ask } from './control.js';
import { EchoLoop } from './echo-loop.js';
import type { Row } from './row.js';
import { nowMs, type Control, type Kept } from '../helpers/promise.js';
import { Stranger } from './stranger.js';

export interface SceneOptions {
  readonly backend: Backend;
  readonly family: Family;
  /** The counts of the table, rather than a sample of them. */
  readonly full: boolean;
  /** Of the random moments. */
  readonly seed: number;
  /** Tells what this machine loses. */
  readonly control: Control;
  /** The configuration has doors in the kernel. */
  readonly kernelDoors?: true;
}

/** One fault's place: namespaces, the product's files, a session that was there before, and a stranger at the port. */
export class Scene implements AsyncDisposable {
  readonly lab: Lab;
  readonly product: Product;
  readonly backend: Backend;
  readonly family: Family;
  /** knockctl.conf behind [paths]. */
  readonly conf: string;
  readonly full: boolean;
  /** A number from 0 to 1, the same ones for the same seed. */
  readonly random: () => number;
  readonly session: EchoLoop;
  readonly stranger: Stranger;
  readonly #control: Control;
  /** The kernel as `stop` must leave it. */
  untouched = '';

  private constructor(options: SceneOptions, conf: string, lab: Lab, product: Product, session: EchoLoop) {
    this.conf = conf;
    this.lab = lab;
    this.product = product;
    this.backend = options.backend;
    this.family = options.family;
    this.full = options.full;
    this.random = seeded(options.seed);
    this.session = session;
    this.#control = options.control;
    this.stranger = new Stranger(lab, this.server, options.control);
  }

  /** Everything for a row; the session is open before the product is started for the first time. */
  static async open(row: Row, options: SceneOptions): Promise<Scene> {
    const { backend, family } = options;
    const lab = await createLab({ backend });
    try {
      await lab.tcpEcho('server', PORT);
      const session = new EchoLoop(await lab.openSession('client', ADDRESS.server[family], PORT));
      const base = row.conf?.(backend) ?? ssh(backend);
      const conf = options.kernelDoors === true ? base.replaceAll('kernel_doors = no\n', '') : base;
      const product = new Product(lab, { doors: row.doors ?? DOORS, conf, trusted: row.trusted ?? '' });
      const scene = new Scene(options, conf, lab, product, session);
      await row.prepare?.(scene);
      scene.untouched = await kernel(lab);
      if (row.unstarted !== true) {
        await product.start();
        await scene.stranger.isShutOut(nowMs(), 2_000);
      }
      return scene;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /** The server's address of this family. */
  get server(): string {
    return ADDRESS.server[this.family];
  }

  /**
   * A promised time that ran from `sinceMs` until now: throws if it took longer. `starts`: starts of Node one after the other
   * on the way.
   */
  within(sinceMs: number, limitMs: number, what: string, starts = 1): Kept {
    return this.keeps(sinceMs, nowMs() - sinceMs, limitMs, what, starts);
  }

  /** The same, if it ended `ms` after it began. */
  keeps(sinceMs: number, ms: number, limitMs: number, what: string, starts = 1): Kept {
    return this.#control.keeps(what, sinceMs, ms, limitMs, starts);
  }

  /** knockctl in a mount namespace prepared by shell lines. */
  async ctlAfter(prepare: string, ...args: readonly string[]): Promise<ExecResult> {
    const argv = [process.execPath, KNOCKCTL, '-c', this.product.paths.conf, ...args];
    return this.lab.exec('server', ['/bin/sh', '-c', `${prepare} && exec "$0" "$@"`, ...argv], {
      timeoutMs: 120_000,
    });
  }

  /** A command in the server that must succeed. */
  async must(...argv: readonly string[]): Promise<string> {
    const done = await this.lab.exec('server', argv);
    assert.equal(done.exitCode, 0, `${argv.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }

  /** The pid of the supervisor; it must be there. */
  get supervisor(): number {
    const pid = this.product.identity('supervisor')?.pid;
    assert.ok(pid !== undefined, 'no supervisor is noted');
    return pid;
  }

  /** A knock lets its sender in, and a flush shuts it out: the whole way from packet to kernel works. */
  async doorWorks(): Promise<void> {
    const from = ADDRESS.client2[this.family];
    const accepted = async (): Promise<number> =>
      (await ask(this.product, { verb: 'events' })).split(`"${from} accepted at `).length;
    const before = await accepted();
    const knock = async (): Promise<boolean> => {
      await this.lab.knock('client2', this.server, SEQUENCE);
      return happensWithin(async () => getsIn(this.lab, 'client2', this.family), 1_500);
    };
    // A knock may be lost where the machine is busy: whoever knocks does so again.
    let tries = 1;
    while (!(await knock())) assert.ok((tries += 1) < 20, 'the door did not open');
    // The kernel opens at once; whoever flushes before the listener has told it meets the entry again.
    await happensWithin(async () => (await accepted()) > before, 3_000);
    await ask(this.product, { verb: 'flush', targets: [from] });
    assert.equal(await getsIn(this.lab, 'client2', this.family), false);
  }

  /** The state, asked for without a process of node for each time. */
  async state(): Promise<string> {
    return /"state":"(\w+)"/.exec(await ask(this.product, { verb: 'status' }))?.[1] ?? 'none';
  }

  async entersState(state: string): Promise<void> {
    const is = async (): Promise<boolean> => (await this.state()) === state;
    await waitFor(is, `the state ${state}`);
  }

  /** Armed: each part once, strangers shut out in both families; the kernel holds `held` where that is given. */
  async isArmed(held?: string): Promise<void> {
    await this.entersState('armed');
    const beganMs = nowMs();
    await this.stranger.isShutOut(beganMs, 1_000);
    for (const family of FAMILIES) {
      assert.equal(await jumps(this.lab, family), 1, `jumps of IPv${family}`);
      if (family === this.family) continue; // the stranger has found it shut
      assert.equal(await getsIn(this.lab, 'client', family), false, `a stranger over IPv${family}`);
    }
    await untilRunning(this.lab, 'knockctl: supervisor', 1);
    await untilRunning(this.lab, 'knockctl: listener', 1);
    if (held !== undefined) assert.equal(await kernel(this.lab), held);
  }

  /** Stop takes out all that is ours, and nothing else. */
  async leavesNothing(): Promise<void> {
    await this.product.stop();
    assert.equal(await kernel(this.lab), this.untouched, 'after stop');
    await untilRunning(this.lab, 'knockctl: ', 0);
    for (const name of files(this.product.paths.run))
      assert.match(name, /^(?:lock|failed-starts\.json|entries)$/);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }
}

/** mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
