/** Rows 1 to 3: the supervisor is lost. */
import assert from 'node:assert/strict';

import { lives, untilRunning, ssh, untilTripped } from '../../e2e-faults/setting.js';
import { spin } from '../node-inspect.js';
import { COMBINATIONS, type Measured, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';
import {
  dropClient2,
  holdStillActs,
  meets,
  rearmed,
  replacesHung,
  SWITCH_MS,
  trips,
  withEntries,
  WORDS,
  type Word,
} from './on-failure.js';

async function killed(scene: Scene, word: Word): Promise<Measured> {
  const { lab, product, session } = scene;
  product.configure(ssh(scene.backend, `on_failure = ${word}\n`));
  await product.must('reload');
  const held = await withEntries(scene);
  const beganMs = nowMs();
  await product.kill('supervisor');
  const measured = await trips(scene, beganMs, word);
  await untilTripped(lab);
  await untilRunning(lab, 'knockctl: listener', 0);
  assert.equal((await product.ctl(['status'])).exitCode, 1);
  await meets(scene, word);
  if (word === 'hold') await holdStillActs(scene);
  await session.goesOn();
  const again = await product.ctl(['restartifdead']);
  assert.equal(again.exitCode, 0, again.stderr);
  assert.match(again.stderr, /the supervisor is dead; starting a new one/);
  await rearmed(scene, held);
  return measured;
}

// With a switch that is fed for ever (timeout 0) (run once, 2026-11-21): red.
const supervisorKilled: Row = {
  number: 1,
  fault: 'supervisor SIGKILL',
  promise: 'new SYN meets on_failure within switch_timeout',
  sample: COMBINATIONS.slice(0, 3), // each with another on_failure
  prepare: dropClient2,
  run: async (scene) => {
    const at = COMBINATIONS.findIndex(
      ({ backend, family }) => backend === scene.backend && family === scene.family,
    );
    const sample: readonly Word[] = [WORDS[at] ?? 'restore'];
    const all: Measured[] = [];
    for (const word of scene.full ? WORDS : sample) all.push(await killed(scene, word));
    const slowest = Math.max(...all.map(({ ms }) => ms ?? 0));
    return { ms: slowest, limitMs: SWITCH_MS, words: (scene.full ? WORDS : sample).join(', ') };
  },
};

// With a switch that is fed for ever (run once, 2026-11-21): red.
const supervisorStopped: Row = {
  number: 2,
  touchesRules: true,
  fault: 'supervisor SIGSTOP, later SIGCONT',
  promise: 'trips; re-arms with no rule twice',
  prepare: dropClient2,
  run: async (scene) => {
    const held = await withEntries(scene);
    const beganMs = nowMs();
    scene.product.signal('supervisor', 'SIGSTOP');
    const measured = await trips(scene, beganMs);
    await meets(scene, 'restore');
    const unstoppedMs = nowMs();
    scene.product.signal('supervisor', 'SIGCONT');
    await scene.stranger.isShutOut(unstoppedMs, 4_000);
    await rearmed(scene, held);
    return measured;
  },
};

// With a switch that is fed for ever (run once, 2026-11-21): red.
const supervisorSpins: Row = {
  number: 3,
  touchesRules: true,
  fault: 'supervisor in for(;;)',
  promise: 'trips; restartifdead replaces it',
  prepare: dropClient2,
  run: async (scene) => {
    const { lab, product } = scene;
    const held = await withEntries(scene);
    const old = product.identity('supervisor');
    await spin(lab, scene.supervisor);
    const measured = await trips(scene, nowMs());
    await meets(scene, 'restore');
    await replacesHung(scene, held);
    assert.ok(old !== undefined && !lives(old));
    return measured;
  },
};

export const SUPERVISOR_ROWS: readonly Row[] = [supervisorKilled, supervisorStopped, supervisorSpins];
