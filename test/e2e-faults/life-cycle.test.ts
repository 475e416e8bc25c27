import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import { getsIn, jumps, kernel, running, untilRunning, ssh, stage, SEQUENCE } from './setting.js';

describe('life cycle', { concurrency: 3 }, () => {
  test('setup without a supervisor: verbs act and say so, stop takes it out', async () => {
    await using scene = await stage('nft', { trusted: `${ADDRESS.client2[4]}\n` });
    const { lab, product } = scene;
    const untouched = await kernel(lab);
    const before = await product.ctl(['accept', '192.0.2.1']);
    assert.equal(before.exitCode, 69);
    assert.match(before.stderr, /not set up[\s\S]*knockctl start/);

    assert.match(await product.must('setup'), /nobody feeds the switch/);
    assert.equal((await product.ctl(['status'])).exitCode, 3);
    assert.ok(await getsIn(lab, 'client'), 'nothing is fed, so on_failure = restore is in force');
    const set = await kernel(lab);
    await product.must('setup');
    assert.equal(await kernel(lab), set, 'a second set-up changes nothing');

    const drop = await product.ctl(['drop', ADDRESS.client[4]]);
    assert.equal(drop.exitCode, 0);
    assert.match(drop.stderr, /no supervisor is running: acted on the kernel directly/);
    assert.equal(await getsIn(lab, 'client'), false, 'a ban holds without the supervisor');
    assert.deepEqual(await product.addresses('trusted'), [ADDRESS.client2[4]]);
    assert.equal((await product.ctl(['flush', ADDRESS.client[4]])).exitCode, 0);
    assert.equal((await product.ctl(['flush', ADDRESS.client[4]])).exitCode, 1);
    assert.equal((await product.ctl(['reload'])).exitCode, 1);
    assert.match(await product.must('events'), new RegExp(`${ADDRESS.client[4]} banned for ever`));

    await product.stop();
    assert.equal(await kernel(lab), untouched);
  });

  test('set up first, then started: what is in stays in', async () => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    await product.must('setup');
    await product.must('accept', ADDRESS.client[4], '--timeout', '500');
    await product.start();
    assert.equal(await jumps(lab, 4), 1);
    assert.ok(await getsIn(lab, 'client'));
    assert.equal(await getsIn(lab, 'client2'), false);
  });

  // knockd 0.8: ends with 15 by SIGTERM and 2 by SIGINT, seen 2026-11-21.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`run in the foreground, ended by ${signal}`, async () => {
      await using scene = await stage('nft');
      const { lab, product } = scene;
      const untouched = await kernel(lab);
      const run = product.spawn(['run']);
      await run.until('armed');
      // Red where the state is told when it is entered: armed was said some milliseconds before the jump was in.
      assert.equal(await getsIn(lab, 'client'), false);
      assert.equal(product.identity('supervisor')?.pid, run.pid, 'it is this process, not a child');
      assert.equal(await run.kill(signal), 0, run.describe());
      assert.equal(await kernel(lab), untouched);
      await untilRunning(lab, 'knockctl: ', 0);
    });

    test(`started, ended by ${signal}, twice in a row`, async () => {
      await using scene = await stage('nft');
      const { lab, product } = scene;
      const untouched = await kernel(lab);
      await product.start();
      product.signal('supervisor', signal);
      product.signal('supervisor', signal);
      await waitFor(async () => (await running(lab, 'knockctl: ')).length === 0, 'its end');
      assert.equal(await kernel(lab), untouched);
      assert.equal((await product.ctl(['status'])).exitCode, 3);
    });
  }

  test('SIGHUP reads the configuration again; a bad one is refused in the log', async () => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    await product.start();
    product.configure(ssh('nft').replace('ports = 2222', 'ports = 2223'));
    product.signal('supervisor', 'SIGHUP');
    await product.waitForLog(/configuration reloaded/);
    assert.deepEqual((await product.status()).services[0]?.ports, [2223]);
    assert.ok(await getsIn(lab, 'client'), 'port 2222 is not protected any more');
    product.configure('[nonsense]\n');
    product.signal('supervisor', 'SIGHUP');
    await product.waitForLog(/not reloaded, the old configuration stays: .*nonsense/);
    assert.equal((await product.status()).state, 'armed');
  });

  test('the status codes that LSB asks for: dead, and unknown', async () => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    await product.start();
    product.signal('supervisor', 'SIGSTOP');
    const unknown = await product.ctl(['status']);
    assert.equal(unknown.exitCode, 4, unknown.stdout);
    assert.match(unknown.stdout, /does not answer/);
    product.signal('supervisor', 'SIGCONT');
    await product.waitForState('armed');
    await product.kill('supervisor');
    const dead = await product.ctl(['status']);
    assert.equal(dead.exitCode, 1);
    assert.match(dead.stdout, /dead; knockctl restartifdead/);
    await untilRunning(lab, 'knockctl: listener', 0);
    await product.stop();
    assert.equal((await product.ctl(['status'])).exitCode, 3);
  });

  test('a supervisor that is hung: stop ends it, and takes all out', async () => {
    await using scene = await stage('legacy');
    const { lab, product } = scene;
    const untouched = await kernel(lab);
    await product.start();
    await lab.knock('client', ADDRESS.server[4], SEQUENCE);
    await waitFor(async () => getsIn(lab, 'client'), 'the door to open');
    await product.kill('supervisor');
    const stop = await product.ctl(['stop']);
    assert.equal(stop.exitCode, 0, stop.stderr);
    assert.equal(await kernel(lab), untouched);
  });
});
