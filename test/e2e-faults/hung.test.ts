/** Commands that end a supervisor which hangs: not before it is known to, and not a minute later. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { spin } from '../faults/node-inspect.js';
import { ADDRESS } from '../helpers/lab.js';
import { Control, nowMs } from '../helpers/promise.js';
import { kernel, lives, probe, ssh, stage } from './setting.js';

/** What a command waits for a supervisor at most; what it takes else, with starts of Node. */
const HUNG_MS = 10_000;
const COMMAND_MS = 3_000;
const conf = ssh('nft').replace('switch_timeout = 3', 'switch_timeout = 30');

// Red with a request that is waited for alone: 60 s each.
test('restart and stop end a supervisor that is stopped, or turns in a loop, within ten seconds', async (t) => {
  await using scene = await stage('nft', { conf });
  await using control = await Control.start();
  const { lab, product } = scene;
  const untouched = await kernel(lab);
  await product.start();
  await product.must('accept', ADDRESS.client2[4], '--timeout', '500');
  const held = await kernel(lab);
  const unknown = await probe(lab, 'client', 4);
  const timed = async (verb: string, why: RegExp): Promise<void> => {
    const supervisor = product.identity('supervisor');
    const beganMs = nowMs();
    const done = await product.ctl([verb]);
    const tookMs = nowMs() - beganMs;
    t.diagnostic(`${verb}: ${tookMs.toFixed(0)} ms`);
    assert.equal(done.exitCode, 0, done.stderr);
    assert.match(done.stderr, why);
    assert.ok(supervisor !== undefined && !lives(supervisor));
    control.keeps(verb, beganMs, tookMs, HUNG_MS + COMMAND_MS, 3);
  };
  product.signal('supervisor', 'SIGSTOP');
  await timed(
    'restart',
    /note: the supervisor \(pid \d+\) did not answer: a signal \(SIGSTOP\) has stopped it; it was killed/,
  );
  assert.equal(await kernel(lab), held, 'adopted as it is');
  await spin(lab, product.identity('supervisor')?.pid ?? 0);
  await timed('condrestart', /note: the supervisor \(pid \d+\) did not answer: it hangs; it was killed/);
  const { connected, refused } = await unknown.end();
  assert.ok(refused > 100);
  assert.equal(connected, 0);
  product.signal('supervisor', 'SIGSTOP');
  await timed('stop', /did not answer: a signal \(SIGSTOP\) has stopped it; it was killed/);
  assert.equal(await kernel(lab), untouched);
});

test('one that was stopped for a while ends by itself', async () => {
  await using scene = await stage('nft', { conf });
  const { product } = scene;
  await product.start();
  for (const verb of ['restart', 'stop']) {
    product.signal('supervisor', 'SIGSTOP');
    const ended = product.ctl([verb]);
    await sleep(4_000);
    product.signal('supervisor', 'SIGCONT');
    const done = await ended;
    assert.equal(done.exitCode, 0, done.stderr);
    assert.doesNotMatch(done.stderr, /killed/);
  }
});
