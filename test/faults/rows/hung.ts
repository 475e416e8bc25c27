/** Rows of our own: the supervisor is lost in other ways, or only for a while. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { waitFor } from '../../helpers/wait.js';
import { lives, running, untilRunning, ssh } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import { nowMs } from '../../helpers/promise.js';
import { rearmed, replacesHung, SWITCH_MS, trips, withEntries } from './on-failure.js';

// With a switch that is fed for ever, and with the orphan left alone by the next supervisor (run once, 2026-11-21): red.
const bothHung: Row = {
  number: 31,
  touchesRules: true,
  fault: 'supervisor and listener hung (SIGSTOP), restartifdead',
  promise: 'trips; both replaced, no orphan',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const held = await withEntries(scene);
    const beganMs = nowMs();
    const parts = (['listener', 'supervisor'] as const).map((part) => product.signal(part, 'SIGSTOP'));
    const measured = await trips(scene, beganMs);
    await replacesHung(scene, held);
    assert.deepEqual(parts.filter(lives), [], 'the old ones are gone');
    return measured;
  },
};

// With the orphan left alone by the next supervisor (run once, 2026-11-21): red.
const stuckListener: Row = {
  number: 32,
  fault: 'listener hung when its supervisor is killed',
  promise: 'ended by the next supervisor; the switch is fed on',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const held = await withEntries(scene);
    const listener = product.signal('listener', 'SIGSTOP');
    await product.kill('supervisor');
    assert.ok(lives(listener), 'a stopped process cannot notice that it is alone');
    const beganMs = nowMs();
    await product.must('start');
    assert.ok(!lives(listener));
    await rearmed(scene, held);
    await scene.doorWorks();
    return { words: `next start armed after ${((nowMs() - beganMs) / 1_000).toFixed(1)} s` };
  },
};

/** What a fault of node itself, or of a native module, ends the process with; and what the OOM killer does. */
const CRASHES: readonly NodeJS.Signals[] = ['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL'];

// With a switch that is fed for ever (run once, 2026-11-21): red.
const crashed: Row = {
  number: 33,
  fault: 'node itself crashes (SIGSEGV, SIGABRT, SIGBUS, SIGILL)',
  promise: 'trips within switch_timeout; restartifdead adopts',
  families: 'one',
  sample: [], // to the kernel it is what SIGKILL is
  run: async (scene) => {
    const { product } = scene;
    const held = await withEntries(scene);
    let slowestMs = 0;
    for (const name of scene.full ? CRASHES : CRASHES.slice(0, 1)) {
      const beganMs = nowMs();
      product.signal('supervisor', name);
      slowestMs = Math.max(slowestMs, (await trips(scene, beganMs)).ms ?? 0);
      await product.must('restartifdead');
      await rearmed(scene, held);
    }
    return { ms: slowestMs, limitMs: SWITCH_MS };
  },
};

// With a switch that is fed for ever (run once, 2026-11-21): red.
const allKilled: Row = {
  number: 34,
  touchesRules: true,
  fault: 'all processes of ours killed at once (as by the OOM killer), seven restartifdead within 0.4 s',
  promise: 'trips; one supervisor, one listener, entries kept',
  families: 'one',
  run: async (scene) => {
    const { lab, product } = scene;
    const held = await withEntries(scene);
    const beganMs = nowMs();
    for (const words of ['knockctl: ', 'ipset -exist -', 'nft monitor'])
      for (const pid of await running(lab, words)) killIfThere(pid);
    const measured = await trips(scene, beganMs);
    // One that comes while another's supervisor begins must not take it for hung.
    const together = [0, 0, 0, 100, 200, 300, 400].map(async (afterMs) => {
      await sleep(afterMs);
      return product.ctl(['restartifdead']);
    });
    for (const done of await Promise.all(together)) {
      assert.equal(done.exitCode, 0, done.stderr);
      assert.doesNotMatch(done.stderr, /hangs/);
    }
    await rearmed(scene, held);
    assert.equal(await product.must('restartifdead'), '', 'silent where all is well');
    await product.stop();
    assert.equal(await product.must('restartifdead'), '', 'nothing after stop');
    await untilRunning(lab, 'knockctl: ', 0);
    return measured;
  },
};

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // What hung on the supervisor went with it.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

// With a late look held against the listener, and with a switch fed for 1 s only (each run once, 2026-11-21): red.
const longAnswer: Row = {
  number: 35,
  fault: 'supervisor stopped for longer than listener_timeout, and less than switch_timeout, five times',
  promise: 'no trip, same supervisor and listener',
  families: 'one',
  conf: (backend) => ssh(backend).replace('switch_timeout = 3', 'switch_timeout = 12'),
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    const before = [product.identity('supervisor'), product.identity('listener')];
    for (let round = 0; round < (scene.full ? 5 : 1); round += 1) {
      product.signal('supervisor', 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      product.signal('supervisor', 'SIGCONT');
      await scene.entersState('armed');
      await waitFor(async () => (await product.status()).services[0]?.switchLeft !== null, 'a feed');
    }
    scene.stranger.neverGotIn(beganMs, 'while the supervisor was stopped for a moment');
    assert.deepEqual([product.identity('supervisor'), product.identity('listener')], before);
    return {};
  },
};

export const HUNG_ROWS: readonly Row[] = [bothHung, stuckListener, crashed, allKilled, longAnswer];
