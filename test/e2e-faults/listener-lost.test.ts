import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS, type Lab } from '../helpers/lab.js';
import type { Product } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import { BACKENDS, getsIn, jumps, lives, running, SEQUENCE, ssh, stage } from './setting.js';

async function opens(lab: Lab): Promise<void> {
  await lab.knock('client', ADDRESS.server[4], SEQUENCE);
  await waitFor(async () => getsIn(lab, 'client'), 2_000, 'the door to open');
}

/** States that it has been in, of all that happened. */
async function states(product: Product): Promise<Set<unknown>> {
  return new Set((await product.events()).map((event) => event.fields['state']));
}

async function newListener(product: Product, old: number, timeoutMs: number): Promise<void> {
  const isNew = (): boolean => ![undefined, old].includes(product.identity('listener')?.pid);
  await waitFor(isNew, timeoutMs, 'another listener');
  await product.waitForState('armed', 1_000);
}

describe('the listener is lost', { concurrency: 4 }, () => {
  for (const backend of BACKENDS) {
    test(`${backend}: killed, it is back within 2 s, and nothing trips`, async () => {
      await using scene = await stage(backend);
      const { lab, product } = scene;
      const session = await lab.openSession('client', ADDRESS.server[6], 2222);
      await product.start();
      for (let round = 0; round < 2; round += 1) {
        const old = product.signal('listener', 'SIGKILL');
        await newListener(product, old.pid, 2_000 + round * 1_000);
        assert.equal((await running(lab, 'knockctl: listener')).length, 1);
      }
      assert.ok(!(await states(product)).has('tripped'));
      assert.equal(await getsIn(lab, 'client'), false);
      await opens(lab);
      assert.ok(await session.echo('with another listener'));
    });

    test(`${backend}: stopped (SIGSTOP), it is killed after listener_timeout, and replaced`, async () => {
      await using scene = await stage(backend);
      const { lab, product } = scene;
      const session = await lab.openSession('client', ADDRESS.server[4], 2222);
      await product.start();
      const old = product.signal('listener', 'SIGSTOP');
      await waitFor(() => !lives(old), 2_000 + 1_500, 'the silent listener to be killed');
      await newListener(product, old.pid, 2_000);
      assert.equal((await running(lab, 'knockctl: listener')).length, 1, 'no orphan');
      await product.waitForLog(/not heard for \d s/);
      assert.ok(!(await states(product)).has('tripped'));
      await opens(lab);
      assert.ok(await session.echo('with another listener'));
    });
  }

  test('it will not stay up: tripped at once, on_failure in force, and it is tried on', async () => {
    const failsafe =
      '[failsafe]\nheartbeat = 1\nswitch_timeout = 30\nlistener_timeout = 10\nmax_restarts = 1\n';
    const service = '[service.ssh]\nports = 2222\non_failure = restore\n';
    await using scene = await stage('nft', { conf: failsafe + service });
    const { lab, product } = scene;
    const session = await lab.openSession('client', ADDRESS.server[4], 2222);
    await product.start();
    const first = product.signal('listener', 'SIGKILL');
    await newListener(product, first.pid, 2_000);
    product.signal('listener', 'SIGKILL');
    await waitFor(
      async () => getsIn(lab, 'client'),
      2_000,
      'the switch to be tripped, and not only to run out',
    );
    const status = await product.ctl(['status']);
    assert.equal(status.exitCode, 150);
    assert.match(status.stdout, /tripped.*on_failure/);
    assert.match(status.stdout, /the listener will not stay up/);
    await product.waitForLog(/started again in 60 s/);
    assert.equal(await jumps(lab, 4), 1, 'the rules stay, and hand over');
    assert.ok(await session.echo('tripped'));
    await product.must('restart');
    assert.equal(await getsIn(lab, 'client'), false);
    await opens(lab);
  });

  test('its interface is deleted: tripped while it is away, armed when it comes back', async () => {
    await using scene = await stage('nft', {
      conf: ssh('nft').replace('[firewall]', '[listener]\ninterface = kc0\n[firewall]'),
    });
    const { lab, product } = scene;
    const ip = async (...args: string[]): Promise<void> => {
      const done = await lab.exec('server', ['/usr/sbin/ip', 'link', ...args]);
      assert.equal(done.exitCode, 0, done.stderr);
    };
    const up = async (): Promise<void> => {
      await ip('add', 'kc0', 'type', 'veth', 'peer', 'name', 'kc1');
      await ip('set', 'kc1', 'up');
      await ip('set', 'kc0', 'up');
    };
    await up();
    await product.start();
    await ip('del', 'kc0');
    await waitFor(async () => getsIn(lab, 'client'), 10_000, 'on_failure = restore');
    assert.match((await product.ctl(['status'])).stdout, /kc0/);
    await up();
    await product.waitForState('armed');
    assert.equal(await getsIn(lab, 'client'), false);
    assert.deepEqual((await product.status()).listener?.interfaces, ['kc0']);
  });

  test('its account does not exist: start says so and takes all back; reload stays with the old one', async () => {
    await using scene = await stage('nft');
    const { lab, product } = scene;
    const nobody = ssh('nft').replace('[firewall]', '[listener]\nuser = no-such-user\n[firewall]');
    product.configure(nobody);
    const start = await product.ctl(['start']);
    assert.ok([69, 78].includes(start.exitCode), String(start.exitCode));
    assert.match(start.stderr, /no-such-user/);
    assert.equal(await jumps(lab, 4), 0);
    product.configure(ssh('nft'));
    await product.start();
    const listener = product.identity('listener');
    product.configure(nobody);
    const reload = await product.ctl(['reload']);
    assert.notEqual(reload.exitCode, 0);
    assert.match(reload.stderr, /no-such-user/);
    assert.deepEqual(product.identity('listener'), listener);
    assert.equal((await product.status()).state, 'armed');
    await opens(lab);
  });
});
