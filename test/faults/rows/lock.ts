/** Row 14: somebody holds the lock of legacy iptables for long. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ExecResult, LabProcess } from '../../helpers/processes.js';
import { files, getsIn, kernel, ssh } from '../../e2e-faults/setting.js';
import { COMBINATIONS, type Measured, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';
import { neverTripped } from './listener.js';

/** What the table promises of commands that need the lock. */
const FAILS_MS = 6_000;

interface Timed extends ExecResult {
  readonly beganMs: number;
  readonly ms: number;
}

/** One lock file serves all namespaces of a machine: a private one, so that no other row waits for ours. */
class PrivateLock {
  readonly #scene: Scene;
  readonly #path: string;

  constructor(scene: Scene) {
    this.#scene = scene;
    this.#path = join(scene.lab.dir, 'xtables.lock');
    writeFileSync(this.#path, '');
  }

  async hold(): Promise<LabProcess> {
    const argv = ['/usr/bin/flock', this.#path, '/bin/sh', '-c', 'echo held; cat'];
    const holder = this.#scene.lab.spawn('server', argv);
    await holder.until('held\n');
    return holder;
  }

  async ctl(...args: readonly string[]): Promise<Timed> {
    const beganMs = nowMs();
    const done = await this.#scene.ctlAfter(`mount --bind ${this.#path} /run/xtables.lock`, ...args);
    return { ...done, beganMs, ms: nowMs() - beganMs };
  }
}

/** Legacy: fails in time and in clear words. nft knows no lock: done. */
function answered(scene: Scene, verb: string, done: Timed, code = 75): Measured {
  const said = `${verb}: ${done.stdout}${done.stderr}`;
  if (scene.backend === 'nft') assert.equal(done.exitCode, 0, said);
  else {
    assert.equal(done.exitCode, code, said);
    if (code !== 0) assert.match(done.stderr, /xtables lock/, said);
  }
  // The command, the supervisor, and what that starts before it comes to the lock.
  return scene.keeps(done.beganMs, done.ms, FAILS_MS, `${verb} with the lock held`, 10);
}

async function startIsRefused(scene: Scene, lock: PrivateLock): Promise<Measured> {
  const holder = await lock.hold();
  const measured = answered(scene, 'start', await lock.ctl('start'));
  await holder.kill();
  const stop = await lock.ctl('stop');
  assert.equal(stop.exitCode, 0, stop.stderr);
  assert.equal(await kernel(scene.lab), scene.untouched);
  return measured;
}

/** The sets have no lock: verbs, knocks and the switch go on. */
async function goesOn(scene: Scene, forMs: number): Promise<void> {
  const { lab, product, family } = scene;
  const beganMs = nowMs();
  await product.must('accept', '192.0.2.1', '--timeout', '500');
  await scene.doorWorks();
  while (nowMs() - beganMs < forMs) {
    assert.equal(await scene.state(), 'armed');
    assert.equal(await getsIn(lab, 'client', family), false);
  }
  await neverTripped(scene, beganMs, 'while the lock was held');
}

// With iptables waiting 10 s for the lock (run once, 2026-11-21): red.
const held: Row = {
  number: 14,
  fault: 'xtables lock held 60 s',
  promise: 'commands fail within 6 s in clear words, feeding goes on',
  families: 'one',
  sample: COMBINATIONS.slice(1, 2), // nft knows no lock
  unstarted: true,
  conf: (backend) => ssh(backend, '', '[health]\nschedule = */1 * * * * *\n'),
  run: async (scene) => {
    const { product, stranger } = scene;
    const lock = new PrivateLock(scene);
    const times = [await startIsRefused(scene, lock)];
    assert.equal((await lock.ctl('start')).exitCode, 0);
    await stranger.isShutOut(nowMs(), 2_000);
    const holder = await lock.hold();
    await goesOn(scene, scene.full ? 60_000 : 7_000);
    // A reload that changes no rule has nothing to wait for but its look at them.
    const reload = await lock.ctl('reload');
    times.push(answered(scene, 'reload', reload, reload.exitCode === 0 ? 0 : 75));
    if (scene.backend === 'legacy') times.push(answered(scene, 'stop', await lock.ctl('stop')));
    await holder.kill();
    const end = await lock.ctl('stop');
    assert.equal(end.exitCode, 0, `${end.stdout}${end.stderr}`);
    assert.equal(await kernel(scene.lab), scene.untouched);
    assert.deepEqual(files(product.paths.run), ['lock']);
    return { ms: Math.max(...times.map(({ ms }) => ms ?? 0)), limitMs: FAILS_MS };
  },
};

export const LOCK_ROWS: readonly Row[] = [held];
