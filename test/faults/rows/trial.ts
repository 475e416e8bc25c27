/** Rows 24 and 25: a change that locks its maker out undoes itself, unless it is confirmed. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

import { ADDRESS } from '../../helpers/lab.js';
import { waitFor } from '../../helpers/wait.js';
import { getsIn, ssh } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';

const SHIPPED = fileURLToPath(new URL('../../../../rules/service.rules', import.meta.url));
const TRIAL_S = 6;

/** The switch outlives the trial: what comes back at the deadline is the old policy, not on_failure. */
const conf: NonNullable<Row['conf']> = (backend) =>
  ssh(backend).replace('switch_timeout = 3', 'switch_timeout = 60');

/** The mistake: a policy of the administrator's own, in which whoever has knocked does not get in any more. */
function lockOut({ product }: Scene): void {
  const lines = readFileSync(SHIPPED, 'utf8').split('\n');
  const without = lines.filter((line) => !/^-A \S+policy -j \S+filter$/.test(line));
  assert.equal(without.length, lines.length - 1, 'the shipped template is another than this row knows');
  mkdirSync(product.paths.rules, { recursive: true });
  writeFileSync(`${product.paths.rules}/service.rules`, without.join('\n'));
}

async function client2GetsIn({ lab, family }: Scene): Promise<boolean> {
  return getsIn(lab, 'client2', family);
}

// With a timer in the kernel that never ends (timeout 0) (run once, 2026-11-21): red.
const unconfirmed: Row = {
  number: 24,
  touchesRules: true,
  fault: 'unconfirmed reload, its terminal hung up, the supervisor killed',
  promise: 'the old policy is back at the deadline',
  conf,
  run: async (scene) => {
    const { product, stranger } = scene;
    await product.must('accept', ADDRESS.client2[scene.family], '--timeout', '300');
    assert.ok(await client2GetsIn(scene));
    lockOut(scene);
    const askedMs = nowMs();
    const reload = product.spawn(['reload', '--trial', String(TRIAL_S)]);
    await waitFor(async () => !(await client2GetsIn(scene)), 'the new policy');
    // The time of the trial has begun before the new policy: it is counted from here.
    const beganMs = nowMs();
    reload.signal('SIGHUP');
    await product.kill('supervisor');
    await waitFor(async () => client2GetsIn(scene), 'the old policy to be back');
    const measured = scene.within(beganMs, (TRIAL_S + 2) * 1_000, 'until the old policy was back', 0);
    stranger.neverGotIn(askedMs, 'by the old policy or the new one');
    rmSync(product.paths.rules, { recursive: true });
    await product.must('restartifdead');
    await scene.isArmed();
    assert.ok(await client2GetsIn(scene));
    return measured;
  },
};

// With a confirm that neither ends the timer nor makes the new rules the only ones (run once, 2026-11-21): red. Either alone does.
const confirmed: Row = {
  number: 25,
  touchesRules: true,
  fault: 'confirmed reload',
  promise: 'survives the deadline and a restart',
  conf,
  run: async (scene) => {
    const { product } = scene;
    await product.must('accept', ADDRESS.client2[scene.family], '--timeout', '300');
    lockOut(scene);
    await product.must('reload', '--trial', String(TRIAL_S));
    assert.equal(await client2GetsIn(scene), false, 'the new policy');
    await product.must('confirm');
    await sleep((TRIAL_S + 2) * 1_000);
    assert.equal(await client2GetsIn(scene), false, 'after the deadline');
    await product.must('restart');
    assert.equal(await client2GetsIn(scene), false, 'after a restart');
    rmSync(product.paths.rules, { recursive: true });
    await product.must('reload');
    assert.ok(await client2GetsIn(scene));
    return {};
  },
};

export const TRIAL_ROWS: readonly Row[] = [unconfirmed, confirmed];
