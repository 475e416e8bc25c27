/** Rows of our own: what the supervisor works with is killed, taken away, or gets stuck. */
import assert from 'node:assert/strict';
import { realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitFor } from '../../helpers/wait.js';
import { files, kernel, running, ssh } from '../../e2e-faults/setting.js';
import { COMBINATIONS, type Measured, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../stranger.js';
import { neverTripped } from './listener.js';
import { repaired } from './rules.js';

const CHANNEL = 'ipset -exist -';

/** The one process with these words; waits until it is another than `old`. */
async function another(scene: Scene, words: string, old: number): Promise<number> {
  let pid = 0;
  const found = async (): Promise<boolean> => {
    [pid = 0] = (await running(scene.lab, words)).filter((one) => one !== old);
    return pid > 0;
  };
  await waitFor(found, 10_000, `another process: ${words}`);
  return pid;
}

const channelKilled: Row = {
  number: 41,
  fault: 'the ipset channel killed, once a second',
  promise: 'no trip; verbs act',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    let old = 0;
    for (let round = 0; round < (scene.full ? 20 : 4); round += 1) {
      old = await another(scene, CHANNEL, old);
      process.kill(old, 'SIGKILL');
      await product.must('accept', `192.0.2.${round + 1}`, '--timeout', '60');
      await sleep(700);
    }
    await neverTripped(scene, beganMs, 'while the channel was killed');
    await product.must('flush', 'filter');
    return {};
  },
};

const channelHangs: Row = {
  number: 42,
  fault: 'the ipset channel hangs (SIGSTOP)',
  promise: 'ended after 5 s, another feeds; a trip undoes itself',
  families: 'one',
  run: async (scene) => {
    const old = await another(scene, CHANNEL, 0);
    const beganMs = nowMs();
    process.kill(old, 'SIGSTOP');
    await another(scene, CHANNEL, old);
    const measured = scene.within(nowMs() - beganMs, 5_000 + 1_500, 'until another channel feeds');
    await scene.isArmed();
    await scene.doorWorks();
    return measured;
  },
};

const monitorKilled: Row = {
  number: 43,
  fault: 'nft monitor killed, again and again; then the supervisor',
  sample: COMBINATIONS.slice(0, 1), // legacy has none
  promise: 'started again; nobody is blamed for foreign rules; ends with the supervisor',
  families: 'one',
  run: async (scene) => {
    const { lab, product, family } = scene;
    if (scene.backend === 'legacy') {
      assert.deepEqual(await running(lab, 'nft monitor'), []);
      return { words: 'legacy has none' };
    }
    const held = await kernel(lab);
    let monitor = 0;
    for (let round = 0; round < (scene.full ? 3 : 1); round += 1) {
      monitor = await another(scene, 'nft monitor', monitor);
      process.kill(monitor, 'SIGKILL');
    }
    await another(scene, 'nft monitor', monitor);
    const rule = ['INPUT', '-p', 'udp', '-j', 'ACCEPT'];
    for (const verb of ['-A', '-D']) await lab.iptables('server', family, [verb, ...rule]);
    await lab.iptables('server', family, ['-F', 'ssh_filter']);
    await product.waitForLog(
      /repaired: chain ssh_filter was changed \(IPv[46]\); changed by ip6?tables-nft /,
      2_000,
    );
    await repaired(scene, held);
    assert.equal((await product.status()).repairs.count, 1);
    await product.kill('supervisor');
    const gone = async (): Promise<boolean> => (await running(lab, 'nft monitor')).length === 0;
    await waitFor(gone, 2_000, 'the end of the monitor of a dead supervisor');
    await product.must('restartifdead');
    await scene.isArmed(held);
    return {};
  },
};

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
  await scene.isArmed(held, 30_000);
  assert.deepEqual(product.identity('supervisor'), supervisor, 'the same supervisor');
  return { words: `armed ${((nowMs() - beganMs) / 1_000).toFixed(1)} s after` };
}

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

const toolHangs: Row = {
  number: 45,
  fault: 'iptables hangs for a while',
  promise: 'verbs act; armed by itself once it is back',
  families: 'one',
  run: async (scene) => withoutTool(scene, HANGS, scene.full ? 40_000 : 4_000),
};

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
    await scene.isArmed(undefined, 40_000);
    assert.equal(product.identity('supervisor')?.pid, pid, 'the same supervisor');
    await product.must('flush', 'all');
    await scene.doorWorks();
    const settled = (): boolean => files(`/proc/${pid}/fd`).length <= before + 2;
    await waitFor(
      settled,
      15_000,
      `as many descriptors as before (${before}), there are ${files(`/proc/${pid}/fd`).length}`,
    );
    return {};
  },
};

const stateGone: Row = {
  number: 47,
  fault: 'state folder and log deleted while it runs',
  promise: 'verbs act, restart and stop work',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    await scene.must('/bin/rm', '-rf', product.paths.state);
    await product.must('accept', '192.0.2.2', '--timeout', '500');
    await scene.doorWorks();
    await product.must('reload');
    assert.deepEqual((await product.addresses('filter')).sort(), ['192.0.2.1', '192.0.2.2']);
    await product.must('restart');
    await scene.isArmed();
    assert.deepEqual((await product.addresses('filter')).sort(), ['192.0.2.1', '192.0.2.2']);
    return {};
  },
};

const socketGone: Row = {
  number: 48,
  fault: 'control socket removed while it runs',
  promise: 'fed on; restart mends it, entries kept',
  families: 'one',
  conf: (backend) => ssh(backend),
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    await scene.must('/bin/rm', '-f', `${product.paths.run}/control.sock`);
    await sleep(4_000);
    scene.stranger.neverGotIn(beganMs, 'without a control socket');
    const status = await product.ctl(['status']);
    const accept = await product.ctl(['accept', '192.0.2.2', '--timeout', '500']);
    assert.equal(await product.must('restartifdead'), '');
    await product.must('restart');
    await scene.isArmed();
    assert.ok((await product.addresses('filter')).includes('192.0.2.1'));
    return { words: `status ${status.exitCode}, accept ${accept.exitCode}` };
  },
};

const runGone: Row = {
  number: 49,
  fault: 'run folder deleted while it runs',
  promise: 'one supervisor in the end; stop takes all out',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    await product.must('accept', '192.0.2.1', '--timeout', '500');
    await scene.must('/bin/rm', '-rf', product.paths.run);
    await sleep(2_000);
    await product.must('start');
    await scene.isArmed();
    assert.deepEqual(await product.addresses('filter'), ['192.0.2.1']);
    return {};
  },
};

export const SURROUNDING_ROWS: readonly Row[] = [
  channelKilled,
  channelHangs,
  monitorKilled,
  toolMissing,
  toolHangs,
  descriptors,
  stateGone,
  socketGone,
  runGone,
];
