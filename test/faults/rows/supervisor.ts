/** Rows 1 to 3, and others in which the supervisor is lost. */
import assert from 'node:assert/strict';

import { ADDRESS } from '../../helpers/lab.js';
import { waitFor } from '../../helpers/wait.js';
import { FAMILIES, getsIn, kernel, lives, running, ssh, untilTripped } from '../../e2e-faults/setting.js';
import { spin } from '../node-inspect.js';
import { COMBINATIONS, type Measured, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../stranger.js';

/** Of QUICK. */
export const SWITCH_MS = 3_000;

/** What new connections meet when the switch has run out: a stranger, and one that the administrator's rule drops. */
const MEANING = {
  restore: { stranger: true, shutOut: false },
  flush: { stranger: true, shutOut: true },
  hold: { stranger: false, shutOut: false },
} as const;
type Word = keyof typeof MEANING;
const WORDS: readonly Word[] = ['restore', 'flush', 'hold'];

async function dropClient2({ lab }: Scene): Promise<void> {
  for (const family of FAMILIES) {
    const rule = ['-A', 'INPUT', '-s', ADDRESS.client2[family], '-p', 'tcp', '--dport', '2222', '-j', 'DROP'];
    await lab.iptables('server', family, rule);
  }
}

/** Entries that must neither go nor get longer. Gives what the kernel holds then. */
async function withEntries({ lab, product }: Scene): Promise<string> {
  await product.must('accept', '192.0.2.1', '2001:db8::1', '--timeout', '500');
  await product.must('drop', '192.0.2.2', '--timeout', '500');
  return kernel(lab);
}

/** The on_failure of the service is what new connections meet, in both families. */
async function meets({ lab }: Scene, word: Word): Promise<void> {
  const { stranger, shutOut } = MEANING[word];
  for (const family of FAMILIES) {
    assert.equal(await getsIn(lab, 'client', family), stranger, `a stranger, IPv${family}`);
    assert.equal(await getsIn(lab, 'client2', family), shutOut, `whom another rule drops, IPv${family}`);
  }
}

/** Armed again: nothing twice, nothing lost, nobody in who was not let in. */
async function rearmed(scene: Scene, held: string): Promise<void> {
  await scene.isArmed(held);
  for (const { timeout } of await scene.product.list()) {
    assert.ok(timeout !== null && timeout > 350 && timeout < 500, `${timeout} s left`);
  }
}

/** Milliseconds from the fault until on_failure was in force. */
async function trips(scene: Scene, sinceMs: number, word: Word = 'restore'): Promise<Measured> {
  const what = 'until on_failure is in force';
  if (word !== 'hold') {
    const ms = await scene.stranger.getsIn(sinceMs, SWITCH_MS + scene.slackMs);
    return scene.within(ms, SWITCH_MS, what);
  }
  await untilTripped(scene.lab);
  return { ...scene.within(nowMs() - sinceMs, SWITCH_MS + 500, what), words: 'hold' };
}

async function holdStillActs({ lab, product, family }: Scene): Promise<void> {
  const done = await product.ctl(['accept', ADDRESS.client[family], '--timeout', '60']);
  assert.match(done.stderr, /acted on the kernel directly/);
  assert.ok(await getsIn(lab, 'client', family));
  await product.must('drop', ADDRESS.client[family]);
  assert.equal(await getsIn(lab, 'client', family), false, 'a ban holds');
  await product.must('flush', ADDRESS.client[family]);
}

async function killed(scene: Scene, word: Word): Promise<Measured> {
  const { lab, product, session } = scene;
  product.configure(ssh(scene.backend, `on_failure = ${word}\n`));
  await product.must('reload');
  const held = await withEntries(scene);
  const beganMs = nowMs();
  await product.kill('supervisor');
  const measured = await trips(scene, beganMs, word);
  await untilTripped(lab);
  assert.deepEqual(await running(lab, 'knockctl: listener'), []);
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
    await scene.stranger.isShutOut(unstoppedMs, 4_000 + scene.slackMs);
    await rearmed(scene, held);
    return measured;
  },
};

// With a switch that is fed for ever (run once, 2026-11-21): red.
const supervisorSpins: Row = {
  number: 3,
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

async function replacesHung(scene: Scene, held: string): Promise<void> {
  const done = await scene.product.ctl(['restartifdead']);
  assert.equal(done.exitCode, 0, done.stderr);
  assert.match(done.stderr, /hangs, and the switch is tripped; replacing it/);
  await rearmed(scene, held);
}

// With a switch that is fed for ever, and with the orphan left alone by the next supervisor (run once, 2026-11-21): red.
const bothHung: Row = {
  number: 31,
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
  fault: 'all processes of ours killed at once (as by the OOM killer), three restartifdead at once',
  promise: 'trips; one supervisor, one listener, entries kept',
  families: 'one',
  run: async (scene) => {
    const { lab, product } = scene;
    const held = await withEntries(scene);
    const beganMs = nowMs();
    for (const words of ['knockctl: ', 'ipset -exist -', 'nft monitor'])
      for (const pid of await running(lab, words)) killIfThere(pid);
    const measured = await trips(scene, beganMs);
    const three = await Promise.all([1, 2, 3].map(async () => product.ctl(['restartifdead'])));
    assert.ok(three.some((done) => done.exitCode === 0));
    await rearmed(scene, held);
    assert.equal(await product.must('restartifdead'), '', 'silent where all is well');
    await product.stop();
    assert.equal(await product.must('restartifdead'), '', 'nothing after stop');
    assert.deepEqual(await running(lab, 'knockctl: '), []);
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

// With a switch that is fed for 1 s only (run once, 2026-11-21): red.
const longAnswer: Row = {
  number: 35,
  fault: 'supervisor hung for less than switch_timeout (SIGSTOP 1.5 s), five times',
  promise: 'no trip, same supervisor and listener',
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    const before = [product.identity('supervisor'), product.identity('listener')];
    for (let round = 0; round < (scene.full ? 5 : 2); round += 1) {
      product.signal('supervisor', 'SIGSTOP');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      product.signal('supervisor', 'SIGCONT');
      await product.waitForState('armed');
      await waitFor(async () => (await product.status()).services[0]?.switchLeft !== null, 1_000, 'a feed');
    }
    scene.stranger.neverGotIn(beganMs, 'while the supervisor was stopped for a moment');
    assert.deepEqual([product.identity('supervisor'), product.identity('listener')], before);
    return {};
  },
};

export const SUPERVISOR_ROWS: readonly Row[] = [
  supervisorKilled,
  supervisorStopped,
  supervisorSpins,
  bothHung,
  stuckListener,
  crashed,
  allKilled,
  longAnswer,
];
