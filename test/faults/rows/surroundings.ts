/** Rows of our own: what the supervisor works with is taken away, or fails. */
import assert from 'node:assert/strict';
import { existsSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readIfExists } from '../../../src/system/files.js';
import { waitFor } from '../../helpers/wait.js';
import { files, kernel, lives, ssh } from '../../e2e-faults/setting.js';
import type { Measured, Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

/** A tool of the host is something else, as the supervisor sees it, until the result is called. */
async function replaced(scene: Scene, tool: string, text: string): Promise<() => Promise<void>> {
  const path = join(scene.lab.dir, 'tool');
  writeFileSync(path, text, { mode: text === '' ? 0o644 : 0o755 });
  const inside = ['/usr/bin/nsenter', '--mount', `--target=${scene.supervisor}`, '--'];
  const target = realpathSync(tool);
  await scene.must(...inside, '/bin/mount', '--bind', path, target);
  return async () => {
    await scene.must(...inside, '/bin/umount', target);
  };
}

const HANGS = '#!/bin/sh\nexec sleep 600\n';
const FAILS = '#!/bin/sh\necho "iptables: out of memory" >&2\nexit 4\n';

async function withoutTool(scene: Scene, text: string, forMs: number): Promise<Measured> {
  const { backend, product } = scene;
  const held = await kernel(scene.lab);
  const supervisor = product.identity('supervisor');
  const restore = await replaced(scene, `/usr/sbin/xtables-${backend}-multi`, text);
  // Whether it trips meanwhile is not promised: with any doubt it is not fed. It must act, and come back.
  await sleep(forMs);
  await product.must('accept', '192.0.2.1', '--timeout', '60');
  await product.must('flush', 'filter');
  await restore();
  const beganMs = nowMs();
  await scene.isArmed(held);
  assert.deepEqual(product.identity('supervisor'), supervisor, 'the same supervisor');
  return { words: `armed ${((nowMs() - beganMs) / 1_000).toFixed(1)} s after` };
}

// Without the way back from tripped (run once, 2026-11-21): red.
const toolMissing: Row = {
  number: 44,
  fault: 'iptables missing for a while, or failing',
  promise: 'verbs act; armed by itself once it is back',
  families: 'one',
  run: async (scene) => {
    await withoutTool(scene, '', 3_000);
    return withoutTool(scene, FAILS, 3_000);
  },
};

// Without the way back from tripped (run once, 2026-11-21): red.
const toolHangs: Row = {
  number: 45,
  fault: 'iptables hangs for a while',
  promise: 'verbs act; armed by itself once it is back',
  families: 'one',
  sample: [], // half a minute of waiting
  run: async (scene) => withoutTool(scene, HANGS, scene.full ? 40_000 : 4_000),
};

// Before descriptors were looked for, node’s spawn ended the supervisor (run once, 2026-11-21): red.
const descriptors: Row = {
  number: 46,
  fault: 'supervisor out of file descriptors for a while',
  promise: 'lives on; armed by itself; no descriptor lost',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const pid = scene.supervisor;
    const before = files(`/proc/${pid}/fd`).length;
    const limit = async (count: string): Promise<string> =>
      scene.must('/usr/bin/prlimit', `--pid=${pid}`, `--nofile=${count}`);
    await limit(`${before}:4096`);
    const all = await Promise.all(
      Array.from({ length: 5 }, async () => product.ctl(['accept', '192.0.2.1'], { timeoutMs: 60_000 })),
    );
    for (const { exitCode, stderr } of all) assert.doesNotMatch(stderr, /\bat .*\.js:\d+/, String(exitCode));
    await sleep(scene.full ? 20_000 : 4_000);
    await limit('1024:4096');
    await scene.isArmed(undefined);
    assert.equal(product.identity('supervisor')?.pid, pid, 'the same supervisor');
    await product.must('flush', 'all');
    await scene.doorWorks();
    const settled = (): boolean => files(`/proc/${pid}/fd`).length <= before + 2;
    await waitFor(
      settled,
      `as many descriptors as before (${before}), there are ${files(`/proc/${pid}/fd`).length}`,
    );
    return {};
  },
};

// With a folder that is made once only (run once, 2026-11-21): red.
const stateGone: Row = {
  number: 47,
  touchesRules: true,
  fault: 'state folder and log deleted while it runs',
  promise: 'verbs act; entries and log are kept anew; restart and stop work',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const both = ['192.0.2.1', '192.0.2.2'];
    const areIn = async (): Promise<void> => {
      assert.deepEqual((await product.addresses('filter')).sort(), both);
    };
    const areKept = (addresses: readonly string[]): boolean => {
      const text = readIfExists(join(product.paths.state, 'entries', 'ssh_granted4')) ?? '';
      return addresses.every((address) => text.includes(` ${address} `));
    };
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    await waitFor(() => areKept(['192.0.2.1']), 'the entry to be kept');
    await scene.must('/bin/rm', '-rf', product.paths.state);
    await product.must('accept', '192.0.2.2', '--timeout', '500');
    await scene.doorWorks();
    await waitFor(() => areKept(both), 'the entries to be kept anew');
    await product.must('reload');
    await product.waitForLog(/^configuration reloaded$/);
    await areIn();
    await product.must('restart');
    await scene.isArmed();
    await areIn();
    // At its end: what is put back at the next start comes from the folder made anew.
    await scene.must('/bin/rm', '-rf', product.paths.state);
    await product.stop();
    await product.start();
    await areIn();
    return {};
  },
};

// Without the look at them (findable.ts; as the product was, run once 2026-11-21): both rows red.
const socketGone: Row = {
  number: 48,
  touchesRules: true,
  fault: 'control socket removed while it runs',
  promise: 'fed on; made anew; restart fixes it at any moment, entries kept',
  families: 'one',
  conf: (backend) => ssh(backend),
  run: async (scene) => {
    const { product } = scene;
    const socket = `${product.paths.run}/control.sock`;
    const first = product.identity('supervisor');
    const beganMs = nowMs();
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    await scene.must('/bin/rm', '-f', socket);
    await waitFor(() => existsSync(socket), 'another socket');
    const ms = nowMs() - beganMs;
    await product.must('accept', '192.0.2.2', '--timeout', '500');
    assert.deepEqual(product.identity('supervisor'), first);
    assert.equal(await product.must('restartifdead'), '');
    await scene.must('/bin/rm', '-f', socket);
    await product.must('restart');
    await scene.isArmed();
    scene.stranger.neverGotIn(beganMs, 'without a control socket');
    assert.deepEqual((await product.addresses('filter')).sort(), ['192.0.2.1', '192.0.2.2']);
    await product.must('flush', 'filter');
    return { words: `back in ${(ms / 1_000).toFixed(1)} s` };
  },
};

const runGone: Row = {
  number: 49,
  touchesRules: true,
  fault: 'run folder deleted while it runs, at once followed by a start, or later',
  promise: 'made anew, or the new one alone is left; stop takes all out',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    const first = product.identity('supervisor');
    assert.ok(first !== undefined);
    await scene.must('/bin/rm', '-rf', product.paths.run);
    await waitFor(() => product.identity('supervisor') !== undefined, 'the folder made anew');
    assert.equal((await product.ctl(['start'])).exitCode, 0, 'it is started already');
    assert.deepEqual(product.identity('supervisor'), first);
    // Somebody is quicker than its next look.
    process.kill(first.pid, 'SIGSTOP');
    await scene.must('/bin/rm', '-rf', product.paths.run);
    try {
      await product.must('start');
    } finally {
      process.kill(first.pid, 'SIGCONT');
    }
    await waitFor(() => !lives(first), 'the first one to leave');
    const now = product.identity('supervisor');
    assert.ok(now !== undefined);
    await scene.isArmed();
    await scene.doorWorks();
    assert.ok((await product.addresses('filter')).includes('192.0.2.1'));
    scene.stranger.neverGotIn(beganMs, 'while the run folder was gone');
    await product.must('flush', 'all');
    return {};
  },
};

export const SURROUNDING_ROWS: readonly Row[] = [
  toolMissing,
  toolHangs,
  descriptors,
  stateGone,
  socketGone,
  runGone,
];
