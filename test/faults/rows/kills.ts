/** Rows 9 to 11: SIGKILL at random moments. They are seeded: `--seed` of the run that broke brings them again, the machine permitting. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { identify, isAlive, signal } from '../../../src/system/process.js';
import { readIfExists } from '../../../src/system/files.js';
import { waitFor } from '../../helpers/wait.js';
import { kernel } from '../../e2e-faults/setting.js';
import { ask } from '../control.js';
import { checkKernel, shapeOf, type Shape } from '../kernel-check.js';
import { SWITCH_S, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

const PROGRAM = fileURLToPath(new URL('../../../app/bin/detached.js', import.meta.url));

/** What `knockctl start` starts, with its pid known from the first moment on. */
function launch({ lab, product }: Scene): number {
  const options = JSON.stringify({ file: product.paths.conf });
  return lab.spawn('server', [process.execPath, PROGRAM, options]).pid;
}

/** Starts, and waits until it is armed; gives the milliseconds that it took. */
async function measureStart(scene: Scene): Promise<number> {
  const beganMs = nowMs();
  launch(scene);
  const armed = async (): Promise<boolean> =>
    (await ask(scene.product, { verb: 'status' })).includes('"state":"armed"');
  await waitFor(armed, 'the service to be armed');
  const tookMs = nowMs() - beganMs;
  await scene.isArmed();
  return tookMs;
}

async function killPid(pid: number): Promise<void> {
  const identity = identify(pid);
  if (identity === undefined || !signal(identity, 'SIGKILL')) return; // it has ended by itself
  await waitFor(() => !isAlive(identity), 'the end of what was killed');
}

/** After a kill: the kernel is in order; now and then, that it trips is waited for as well. */
async function inOrder(scene: Scene, shape: Shape, wait: boolean): Promise<void> {
  const killedMs = nowMs();
  const inForce = await checkKernel(scene, shape);
  if (inForce && wait) await scene.stranger.getsIn(killedMs, SWITCH_S * 1_000, 0);
  scene.stranger.forget(nowMs() - 1_000);
}

async function stops(scene: Scene): Promise<void> {
  await scene.product.stop();
  assert.equal(await kernel(scene.lab), scene.untouched, 'after stop');
}

// With a switch fed for ever, and with rules put in line by line (run once, 2026-11-21): red; the latter in the full run, for the few
// kills of a sample seldom hit it.
const duringStart: Row = {
  number: 9,
  touchesRules: true,
  fault: 'supervisor killed at 200 random points of `start`',
  promise: 'no jump to nowhere; never shut and unfed for longer than switch_timeout',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    const tookMs = await measureStart(scene);
    const shape = await shapeOf(scene);
    await stops(scene);
    const times = scene.full ? 200 : 5;
    let halves = 0;
    for (let round = 0; round < times; round += 1) {
      const pid = launch(scene);
      await sleep(scene.random() * 1.1 * tookMs);
      await killPid(pid);
      await inOrder(scene, shape, round % 20 === 4);
      // Some are stopped; others leave what they have built to the next start.
      if (scene.random() < 0.5) await stops(scene);
      else halves += 1;
    }
    await scene.product.start();
    await scene.isArmed();
    assert.deepEqual(await shapeOf(scene), shape);
    return { words: `${times} kills in ${tookMs.toFixed(0)} ms of start, ${halves} taken over by the next` };
  },
};

// With a stop that takes out only what is whole (run once, 2026-11-21): red.
const duringStop: Row = {
  number: 10,
  touchesRules: true,
  fault: 'the same during `stop`',
  promise: 'running stop again leaves nothing',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    await scene.product.start();
    const shape = await shapeOf(scene);
    const beganMs = nowMs();
    await ask(scene.product, { verb: 'stop' });
    const tookMs = nowMs() - beganMs;
    const times = scene.full ? 200 : 4;
    let inForce = 0;
    for (let round = 0; round < times; round += 1) {
      await scene.product.start();
      const pid = scene.supervisor;
      const answer = ask(scene.product, { verb: 'stop' });
      await sleep(scene.random() * 1.1 * tookMs);
      await killPid(pid);
      await answer;
      if (await checkKernel(scene, shape)) inForce += 1;
      await stops(scene);
    }
    return { words: `${times} kills in ${tookMs.toFixed(0)} ms of stop, ${inForce} before the jump was out` };
  },
};

const COUNT = 20_000;
/** Cut off anywhere, none of them is another one, whatever ipset takes for an address. */
const BATCH = Array.from(
  { length: COUNT },
  (_, index) => `100.65.${100 + Math.floor(index / 150)}.${100 + (index % 150)}`,
);
const GIVEN_S = 600;

/** A child of the supervisor that runs with these words; polled, for it lives for a moment only. */
async function childOf(parent: number, words: string, forMs: number): Promise<number | undefined> {
  const endMs = nowMs() + forMs;
  while (nowMs() < endMs) {
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      const parentIs = readIfExists(`/proc/${name}/stat`)?.replace(/^.*\) . (\d+) .*$/s, '$1');
      if (Number(parentIs) !== parent) continue;
      if (readIfExists(`/proc/${name}/cmdline`)?.replaceAll('\0', ' ').includes(words) === true)
        return Number(name);
    }
    await new Promise(setImmediate);
  }
  return undefined;
}

/** What is banned now: only those that were given, none for longer than given. Gives how many. */
async function bannedAreRight({ lab }: Scene): Promise<number> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'save', 'ssh_banned4']);
  const given = new Set(BATCH);
  let count = 0;
  let earlier = 0;
  for (const [, address = '', seconds] of stdout.matchAll(/^add \S+ (\S+) timeout (\d+)(?: .*)?$/gm)) {
    if (address === '192.0.2.9') earlier += 1;
    else if (given.has(address)) count += 1;
    else assert.fail(`${address} was never banned`);
    const left = Number(seconds);
    const most = address === '192.0.2.9' ? 90_000 : GIVEN_S;
    assert.ok(left > most - 500 && left <= most, `${address}: ${left} s`);
  }
  assert.equal(earlier, 1, 'the ban from before is gone');
  return count;
}

async function killedRestore(scene: Scene, round: number, tookMs: number, shape: Shape): Promise<number> {
  const pid = scene.supervisor;
  const request = { verb: 'drop', targets: BATCH, timeoutS: GIVEN_S };
  const answer = ask(scene.product, request);
  if (round % 2 === 0) {
    // While the entries are being handed over, by an ipset that is slow to read; and at any other moment.
    const reader = round % 4 === 0 ? await childOf(pid, 'restore', 3_000) : undefined;
    const slow = reader === undefined ? undefined : identify(reader);
    if (slow !== undefined) signal(slow, 'SIGSTOP');
    await sleep(scene.random() * (round % 4 === 0 ? 40 : tookMs));
    await killPid(pid);
    if (slow !== undefined) signal(slow, 'SIGCONT');
    await answer;
    await inOrder(scene, shape, false);
    await scene.product.start();
    const count = await bannedAreRight(scene);
    assert.ok([0, COUNT].includes(count), `the death of the supervisor cut them off: ${count} are in`);
  } else {
    // ipset itself: what did not get in must not be told as done.
    const child = await childOf(pid, 'restore', 3_000);
    await sleep(scene.random() * 40);
    const identity = child === undefined ? undefined : identify(child);
    const killed = identity !== undefined && signal(identity, 'SIGKILL');
    const said = await answer;
    if (said.includes('"exitCode":0')) assert.equal(await bannedAreRight(scene), COUNT, 'told as done');
    else assert.ok(killed, said);
    await inOrder(scene, shape, false);
  }
  return bannedAreRight(scene);
}

// With the entries given by a pipe: one that was cut off stayed for ever (run once, 2026-11-21): red.
const duringRestore: Row = {
  number: 11,
  touchesRules: true,
  fault: 'SIGKILL during a restore of 20,000 entries, 100 times',
  promise: 'no mixed state: rules whole, no entry wrong or too long, none told that is not in',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    await scene.product.start();
    const shape = await shapeOf(scene);
    await scene.product.must('drop', '192.0.2.9', '--timeout', '90000');
    const beganMs = nowMs();
    assert.match(
      await ask(scene.product, { verb: 'drop', targets: BATCH, timeoutS: GIVEN_S }),
      /"exitCode":0/,
    );
    const tookMs = nowMs() - beganMs;
    const times = scene.full ? 100 : 4;
    let parts = 0;
    for (let round = 0; round < times; round += 1) {
      await ask(scene.product, { verb: 'flush', targets: BATCH });
      assert.equal(await bannedAreRight(scene), 0);
      const count = await killedRestore(scene, round, tookMs, shape);
      if (count > 0 && count < COUNT) parts += 1;
      if (round % 10 > 1) continue;
      assert.match(
        await ask(scene.product, { verb: 'drop', targets: BATCH, timeoutS: GIVEN_S }),
        /"exitCode":0/,
      );
      assert.equal(await bannedAreRight(scene), COUNT, 'all of them, given again');
    }
    await scene.isArmed();
    return { words: `${times} kills in ${tookMs.toFixed(0)} ms; ${parts} times a part was in` };
  },
};

export const KILL_ROWS: readonly Row[] = [duringStart, duringStop, duringRestore];
