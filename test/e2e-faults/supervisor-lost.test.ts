import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS, type Backend } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import {
  BACKENDS,
  FAMILIES,
  getsIn,
  jumps,
  kernel,
  lives,
  running,
  SEQUENCE,
  ssh,
  stage,
  untilTripped,
  type Stage,
} from './setting.js';

/** What new connections meet when the switch has run out: a stranger, and one that the administrator's rule drops. */
const MEANING = {
  restore: { stranger: true, shutOut: false },
  flush: { stranger: true, shutOut: true },
  hold: { stranger: false, shutOut: false },
} as const;
const WORDS = ['restore', 'flush', 'hold'] as const;

async function armed(backend: Backend, word: string): Promise<Stage> {
  const scene = await stage(backend, { conf: ssh(backend, `on_failure = ${word}\n`) });
  const { lab, product } = scene;
  for (const family of FAMILIES) {
    const rule = ['-A', 'INPUT', '-s', ADDRESS.client2[family], '-p', 'tcp', '--dport', '2222', '-j', 'DROP'];
    await lab.iptables('server', family, rule);
  }
  await product.start();
  await product.must('accept', '192.0.2.1', '2001:db8::1', '--timeout', '500');
  await product.must('drop', '192.0.2.2', '--timeout', '500');
  return scene;
}

/** The on_failure of the service is what new connections meet, in both families. */
async function meets({ lab }: Stage, word: keyof typeof MEANING): Promise<void> {
  const { stranger, shutOut } = MEANING[word];
  for (const family of FAMILIES) {
    assert.equal(await getsIn(lab, 'client', family), stranger, `a stranger, IPv${family}`);
    assert.equal(await getsIn(lab, 'client2', family), shutOut, `whom another rule drops, IPv${family}`);
  }
}

/** Armed again: nothing twice, nothing lost, nobody in who was not let in. */
async function rearmed({ lab, product }: Stage, held: string): Promise<void> {
  await product.waitForState('armed');
  for (const family of FAMILIES) {
    assert.equal(await jumps(lab, family), 1);
    assert.equal(await getsIn(lab, 'client', family), false);
  }
  assert.equal((await running(lab, 'knockctl: supervisor')).length, 1);
  assert.equal((await running(lab, 'knockctl: listener')).length, 1);
  assert.equal(await kernel(lab), held);
  for (const { timeout } of await product.list()) {
    assert.ok(timeout !== null && timeout > 450 && timeout < 500, `${timeout} s left`);
  }
}

// They wait for the switch most of their time.
describe('the supervisor is lost', { concurrency: 4 }, () => {
  for (const backend of BACKENDS) {
    for (const word of WORDS) {
      test(`${backend}: supervisor killed, on_failure = ${word}, restartifdead`, async () => {
        await using scene = await armed(backend, word);
        const { lab, product } = scene;
        await product.must('accept', ADDRESS.client[6], '--timeout', '60');
        const session = await lab.openSession('client', ADDRESS.server[6], 2222);
        await product.must('flush', ADDRESS.client[6]);
        const held = await kernel(lab);
        for (const family of FAMILIES) assert.equal(await getsIn(lab, 'client', family), false);
        await product.kill('supervisor');
        await untilTripped(lab);
        assert.deepEqual(await running(lab, 'knockctl: listener'), []);
        assert.equal((await product.ctl(['status'])).exitCode, 1);
        await meets(scene, word);
        assert.ok(await session.echo('nobody feeds the switch'));
        const again = await product.ctl(['restartifdead']);
        assert.equal(again.exitCode, 0, again.stderr);
        assert.match(again.stderr, /the supervisor is dead; starting a new one/);
        assert.ok(await session.echo('a new supervisor'));
        await rearmed(scene, held);
      });
    }

    test(`${backend}: supervisor stopped (SIGSTOP) trips, goes on by itself after SIGCONT`, async () => {
      await using scene = await armed(backend, 'restore');
      const { lab, product } = scene;
      const held = await kernel(lab);
      product.signal('supervisor', 'SIGSTOP');
      await untilTripped(lab);
      await meets(scene, 'restore');
      product.signal('supervisor', 'SIGCONT');
      await waitFor(async () => !(await getsIn(lab, 'client')), 4_000, 'the port to be shut again');
      await rearmed(scene, held);
    });
  }

  test('hold: who is accepted while nobody feeds the switch gets in, and a ban holds', async () => {
    await using scene = await armed('nft', 'hold');
    const { lab, product } = scene;
    await product.kill('supervisor');
    await untilTripped(lab);
    await meets(scene, 'hold');
    const done = await product.ctl(['accept', ADDRESS.client[4], '--timeout', '60']);
    assert.match(done.stderr, /acted on the kernel directly/);
    assert.ok(await getsIn(lab, 'client'));
    await product.must('drop', ADDRESS.client[4]);
    assert.equal(await getsIn(lab, 'client'), false);
  });

  test('supervisor hung (SIGSTOP): restartifdead replaces it; its stuck listener is ended too', async () => {
    await using scene = await armed('nft', 'restore');
    const { lab, product } = scene;
    const held = await kernel(lab);
    const listener = product.signal('listener', 'SIGSTOP');
    const supervisor = product.signal('supervisor', 'SIGSTOP');
    await untilTripped(lab);
    const done = await product.ctl(['restartifdead']);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stderr, /hangs, and the switch is tripped; replacing it/);
    assert.ok(!lives(supervisor) && !lives(listener), 'the old ones are gone');
    await rearmed(scene, held);
  });

  test('a listener that is stuck when its supervisor is killed is ended by the next one', async () => {
    await using scene = await armed('legacy', 'restore');
    const { lab, product } = scene;
    const held = await kernel(lab);
    const listener = product.signal('listener', 'SIGSTOP');
    await product.kill('supervisor');
    assert.ok(lives(listener), 'a stopped process cannot notice that it is alone');
    await product.must('start');
    assert.ok(!lives(listener));
    await rearmed(scene, held);
    await lab.knock('client', ADDRESS.server[4], SEQUENCE);
    await waitFor(async () => getsIn(lab, 'client'), 2_000, 'the door to open');
  });

  test('restartifdead does nothing after stop, and nothing beside one that has just been started', async () => {
    await using scene = await armed('nft', 'restore');
    const { lab, product } = scene;
    await product.stop();
    const stopped = await kernel(lab);
    assert.equal(await product.must('restartifdead'), '');
    assert.equal(await kernel(lab), stopped);
    await product.start();
    await product.kill('supervisor');
    const three = await Promise.all([1, 2, 3].map(async () => product.ctl(['restartifdead'])));
    assert.ok(three.some((done) => done.exitCode === 0));
    await product.waitForState('armed');
    assert.equal((await running(lab, 'knockctl: supervisor')).length, 1);
    assert.equal((await running(lab, 'knockctl: listener')).length, 1);
  });
});
