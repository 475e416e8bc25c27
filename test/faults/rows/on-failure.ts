/** What rows about a lost supervisor have in common. */
import assert from 'node:assert/strict';

import { ADDRESS } from '../../helpers/lab.js';
import { FAMILIES, getsIn, kernel, untilTripped } from '../../e2e-faults/setting.js';
import type { Measured } from '../row.js';
import type { Scene } from '../scene.js';

/** Of QUICK. */
export const SWITCH_MS = 3_000;

/** What new connections meet when the switch has run out: a stranger, and one that the administrator's rule drops. */
const MEANING = {
  restore: { stranger: true, shutOut: false },
  flush: { stranger: true, shutOut: true },
  hold: { stranger: false, shutOut: false },
} as const;
export type Word = keyof typeof MEANING;
export const WORDS: readonly Word[] = ['restore', 'flush', 'hold'];

export async function dropClient2({ lab }: Scene): Promise<void> {
  for (const family of FAMILIES) {
    const rule = ['-A', 'INPUT', '-s', ADDRESS.client2[family], '-p', 'tcp', '--dport', '2222', '-j', 'DROP'];
    await lab.iptables('server', family, rule);
  }
}

/** Entries that must neither go nor get longer. Gives what the kernel holds then. */
export async function withEntries({ lab, product }: Scene): Promise<string> {
  await product.must('accept', '192.0.2.1', '2001:db8::1', '--timeout', '500');
  await product.must('drop', '192.0.2.2', '--timeout', '500');
  return kernel(lab);
}

/** The on_failure of the service is what new connections meet, in both families. */
export async function meets({ lab }: Scene, word: Word): Promise<void> {
  const { stranger, shutOut } = MEANING[word];
  for (const family of FAMILIES) {
    assert.equal(await getsIn(lab, 'client', family), stranger, `a stranger, IPv${family}`);
    assert.equal(await getsIn(lab, 'client2', family), shutOut, `whom another rule drops, IPv${family}`);
  }
}

/** Armed again: nothing twice, nothing lost, nobody in who was not let in. */
export async function rearmed(scene: Scene, held: string): Promise<void> {
  await scene.isArmed(held);
  for (const { timeout } of await scene.product.list()) {
    assert.ok(timeout !== null && timeout > 350 && timeout < 500, `${timeout} s left`);
  }
}

/** Milliseconds from the fault until on_failure was in force. */
export async function trips(scene: Scene, sinceMs: number, word: Word = 'restore'): Promise<Measured> {
  if (word !== 'hold') {
    return scene.stranger.getsIn(sinceMs, SWITCH_MS, 0);
  }
  await untilTripped(scene.lab);
  return { ...scene.within(sinceMs, SWITCH_MS + 500, 'until on_failure is in force'), words: 'hold' };
}

export async function holdStillActs({ lab, product, family }: Scene): Promise<void> {
  const done = await product.ctl(['accept', ADDRESS.client[family], '--timeout', '60']);
  assert.match(done.stderr, /acted on the kernel directly/);
  assert.ok(await getsIn(lab, 'client', family));
  await product.must('drop', ADDRESS.client[family]);
  assert.equal(await getsIn(lab, 'client', family), false, 'a ban holds');
  await product.must('flush', ADDRESS.client[family]);
}

/** restartifdead puts another in the place of a supervisor that hangs. */
export async function replacesHung(scene: Scene, held: string): Promise<void> {
  const done = await scene.product.ctl(['restartifdead']);
  assert.equal(done.exitCode, 0, done.stderr);
  assert.match(done.stderr, /hangs, and the switch is tripped; replacing it/);
  await rearmed(scene, held);
}
