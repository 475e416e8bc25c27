/** Rows 19, 21, 22 and 28: what is in must outlive a flush, a full disk, a restart and a reboot. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readIfExists } from '../../../src/system/files.js';
import { ADDRESS, type Place } from '../../helpers/lab.js';
import { happensWithin, waitFor } from '../../helpers/wait.js';
import { DOORS, getsIn } from '../../e2e-faults/setting.js';
import { ask } from '../control.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

async function timeLeft({ product }: Scene, address: string): Promise<number | null | undefined> {
  return (await product.list()).find((entry) => entry.address === address)?.timeout;
}

// Without EntryKeeper’s look at the sets (run once, 2026-11-21): red.
const flushedSets: Row = {
  number: 19,
  touchesRules: true,
  fault: '`ipset flush`',
  promise: 'entries back within a heartbeat, no lock-out',
  run: async (scene) => {
    const { lab, product, family } = scene;
    await product.must('accept', ADDRESS.client2[family], '--timeout', '300');
    await product.must('drop', '192.0.2.2', '--timeout', '400');
    await product.must('drop', '2001:db8::2');
    await product.must('trust', '198.51.100.0/24');
    const held = (await product.list()).map(({ list, address }) => `${list} ${address}`);
    // What has not been written yet, in the second before, may be lost.
    const files = [`${product.paths.run}/entries/ssh_trusted4`, `${product.paths.state}/entries/ssh_banned6`];
    const areKept = (): boolean => files.every((path) => /^add /m.test(readIfExists(path) ?? ''));
    await waitFor(areKept, 'the entries to be kept');
    await scene.must('/usr/sbin/ipset', 'flush');
    const beganMs = nowMs();
    await waitFor(async () => {
      const entries = (await product.list()).map(({ list, address }) => `${list} ${address}`);
      return held.every((entry) => entries.includes(entry));
    }, 'the entries to be back');
    const measured = scene.within(beganMs, 1_000 + 500, 'until the entries were back');
    assert.ok(await getsIn(lab, 'client2', family), 'who was accepted gets in');
    assert.ok(((await timeLeft(scene, ADDRESS.client2[family])) ?? Infinity) <= 300, 'not longer than given');
    assert.ok(((await timeLeft(scene, '192.0.2.2')) ?? Infinity) <= 400);
    assert.equal(await timeLeft(scene, '2001:db8::2'), null);
    assert.ok((await product.addresses('trusted')).includes('198.51.100.0/24'));
    await scene.isArmed();
    await product.must('flush', 'all');
    return measured;
  },
};

/** Several pages of addresses: what a file that is cut off gives back of the disk is no space for them. */
const MORE = Array.from({ length: 250 }, (_, index) => `198.51.100.${index}`);

/** A stop command that waits; two of them take more than a page as well. */
const WAITING = `[waiting]
sequence = 7100,7200
seq_timeout = 5
tcpflags = syn
start_command = /bin/true
cmd_timeout = 600
stop_command = /bin/true ${'x'.repeat(3_000)}
`;

/** Knocks until it shows; a knock may be lost where the machine is busy. */
async function knocksUntil(
  scene: Scene,
  from: Place,
  shows: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let tries = 1; tries <= 20; tries += 1) {
    await scene.lab.knock(from, scene.server, ['7100', '7200']);
    if (await happensWithin(shows, 2_000)) return;
  }
  assert.fail('no knock showed');
}

// With files written in place (run once, 2026-11-21): red.
const noSpace: Row = {
  number: 21,
  fault: 'no space for state and log',
  promise: 'verbs still act in the kernel; state is as it was, and written later',
  families: 'one',
  doors: DOORS + WAITING,
  unstarted: true,
  run: async (scene) => {
    const { product } = scene;
    const { state } = product.paths;
    const mount = `mkdir -p -m 700 ${state} && mount -t tmpfs -o size=256k,mode=700 tmpfs ${state}`;
    const started = await scene.ctlAfter(mount, 'start');
    assert.equal(started.exitCode, 0, started.stderr);
    const seen = `/proc/${scene.supervisor}/root${state}`;
    const read = (name: string): string => readIfExists(join(seen, name)) ?? '';
    await product.must('drop', '192.0.2.1');
    await waitFor(() => read('entries/ssh_banned4') !== '', 'the ban to be written');
    await knocksUntil(scene, 'client2', () => read('stops.json').includes('"waiting"'));
    const [bans, stops] = [read('entries/ssh_banned4'), read('stops.json')];
    assert.throws(() => {
      writeFileSync(join(seen, 'fill'), Buffer.alloc(1024 * 1024));
    }, /ENOSPC/);
    await product.must('accept', ADDRESS.client2[scene.family]);
    assert.ok(await getsIn(scene.lab, 'client2', scene.family));
    await product.must('flush', 'filter');
    await product.must('drop', ...MORE, '--timeout', '500');
    const all = ['192.0.2.1', '192.0.2.3', ...MORE].sort();
    await scene.doorWorks();
    await scene.isArmed();
    await knocksUntil(scene, 'client', async () =>
      (await product.events()).some(({ text }) => text.startsWith('cannot keep the stop commands')),
    );
    assert.match((await product.status()).entriesKept.problem ?? '', /no space/i);
    assert.equal(read('entries/ssh_banned4'), bans, 'the bans of before are still kept, whole');
    assert.ok(read('stops.json').startsWith(stops), 'so is the stop command of before');
    rmSync(join(seen, 'fill'));
    await product.must('drop', '192.0.2.3');
    assert.deepEqual((await product.addresses('banned')).sort(), all);
    const isKept = (): boolean => /^add \S+ 192\.0\.2\.3 /m.test(read('entries/ssh_banned4'));
    await waitFor(isKept, 'the bans to be written');
    await product.must('flush', 'all');
    return {};
  },
};

// With what was left when it ended given back, whatever time has passed since (run once, 2026-11-21): red.
const halfExpired: Row = {
  number: 22,
  touchesRules: true,
  fault: 'restart with half-expired bans',
  promise: 'what is left = given − elapsed, ± 2 s',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const given = scene.full ? 120 : 30;
    const beforeMs = nowMs();
    await product.must('drop', '192.0.2.2', '2001:db8::2', '--timeout', String(given));
    const givenMs = nowMs();
    await product.must('accept', '192.0.2.3', '--timeout', String(given / 5));
    await sleep(given * 100);
    await product.stop();
    await sleep(given * 250);
    await product.start();
    const askedMs = nowMs();
    const left = (await timeLeft(scene, '192.0.2.2')) ?? Infinity;
    // The ban began somewhere within the command that gave it, and was looked at somewhere within the one that asked.
    const least = given - (nowMs() - beforeMs) / 1_000;
    const most = given - (askedMs - givenMs) / 1_000;
    assert.ok(
      left >= least - 2 && left <= most + 2,
      `${left} s left, not ${least.toFixed(1)} to ${most.toFixed(1)}`,
    );
    assert.ok((await product.addresses('banned')).includes('2001:db8::2'));
    assert.deepEqual(await product.addresses('filter'), [], 'what ran out meanwhile stays out');
    await product.must('flush', 'all');
    return { words: `${left} s left of ${given}, expected ${least.toFixed(1)} to ${most.toFixed(1)}` };
  },
};

const MANY = 100_000;

async function count({ lab }: Scene): Promise<number> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ipset', 'list', '-t', 'ssh_banned4']);
  return Number(/Number of entries: (\d+)/.exec(stdout)?.[1] ?? 0);
}

async function timedStart({ product }: Scene): Promise<number> {
  const beganMs = nowMs();
  await product.start();
  return nowMs() - beganMs;
}

// With an ipset line for each, and with nothing put back (each run once, 2026-11-21): red.
const manyBans: Row = {
  number: 28,
  touchesRules: true,
  fault: '100,000 bans at boot',
  promise: 'in before arming, in under 2 s',
  families: 'one',
  run: async (scene) => {
    const { product, lab, family } = scene;
    await product.stop();
    const emptyMs = await timedStart(scene);
    const targets = Array.from(
      { length: MANY },
      (_, index) => `100.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`,
    );
    for (let at = 0; at < MANY; at += 20_000) {
      const said = await ask(product, { verb: 'drop', targets: targets.slice(at, at + 20_000) });
      assert.match(said, /"exitCode":0/);
    }
    await product.stop();
    assert.equal(await count(scene), 0);
    // At the first moment at which the jump is seen, all must be in.
    const watching = waitFor(
      async () => (await lab.iptables('server', family, ['-S', 'INPUT'])).includes('ssh_policy'),
      'the jump',
    ).then(async () => count(scene));
    const beganMs = nowMs();
    const fullMs = await timedStart(scene);
    assert.equal(await watching, MANY);
    await product.must('flush', 'banned');
    return scene.keeps(beganMs, Math.max(0, fullMs - emptyMs), 2_000, 'longer than a start without bans', 4);
  },
};

export const LASTING_ROWS: readonly Row[] = [flushedSets, noSpace, halfExpired, manyBans];
