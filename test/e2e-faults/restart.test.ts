import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS, type Backend, type Lab } from '../helpers/lab.js';
import type { Product } from '../helpers/product.js';
import { happensWithin } from '../helpers/wait.js';
import { BACKENDS, DOORS, getsIn, jumps, kernel, probe, running, SEQUENCE, ssh, stage } from './setting.js';

async function opens(lab: Lab, sequence: readonly string[]): Promise<boolean> {
  await lab.knock('client', ADDRESS.server[4], sequence);
  return happensWithin(async () => getsIn(lab, 'client'), 1_500);
}

async function timeLeft(product: Product, address: string): Promise<number> {
  return (await product.list()).find((entry) => entry.address === address)?.timeout ?? 0;
}

/** As long as in a real configuration: what is asked is the change-over, not the switch on a busy machine. */
const patient = (backend: Backend, more = ''): string =>
  ssh(backend, more).replace('switch_timeout = 3', 'switch_timeout = 30');

for (const backend of BACKENDS) {
  test(`${backend}: restarts let nobody in, throw nobody out, and keep every entry`, async () => {
    await using scene = await stage(backend, { conf: patient(backend) });
    const { lab, product } = scene;
    const session = await lab.openSession('client', ADDRESS.server[4], 2222);
    await product.start();
    await product.must('accept', ADDRESS.client2[4], '--timeout', '500');
    await product.must('drop', '192.0.2.9', '--timeout', '700');
    await product.must('trust', '2001:db8::/48');
    const held = await kernel(lab);
    const left = await timeLeft(product, '192.0.2.9');
    const stranger = await probe(lab, 'client', 4);
    const guest = await probe(lab, 'client2', 10);
    const pids = new Set<number | undefined>([product.identity('supervisor')?.pid]);
    for (const verb of ['restart', 'restart', 'condrestart']) {
      await product.must(verb);
      pids.add(product.identity('supervisor')?.pid);
      assert.equal(await jumps(lab, 4), 1);
    }
    const strangers = await stranger.end();
    const guests = await guest.end();
    assert.equal(pids.size, 4, 'each time another supervisor');
    assert.ok(strangers.refused > 100, `only ${strangers.refused} attempts`);
    assert.equal(strangers.connected, 0, `${strangers.connected} of the strangers got in`);
    assert.ok(guests.connected > 50, `only ${guests.connected} attempts`);
    assert.equal(guests.refused, 0, `${guests.refused} of the accepted were refused`);
    assert.equal(await kernel(lab), held);
    assert.ok((await timeLeft(product, '192.0.2.9')) <= left, 'no entry gets longer than it was given');
    assert.ok(await session.echo('after three restarts'));
    assert.equal((await running(lab, 'knockctl: listener')).length, 1);
  });
}

test('reload: ports, services and doors come, change and go; entries stay', async () => {
  await using scene = await stage('nft');
  const { lab, product } = scene;
  await lab.tcpEcho('server', 3333);
  const at3333 = async (): Promise<boolean> => lab.canConnect('client2', ADDRESS.server[4], 3333, 400);
  const untouched = await kernel(lab);
  const session = await lab.openSession('client2', ADDRESS.server[4], 2222);
  await product.start();
  assert.ok(await at3333());
  await product.must('accept', '192.0.2.1', '--timeout', '900');
  const listener = product.identity('listener');

  // A port and a service more; the door moves to another sequence.
  const web = '[service.web]\nports = 3333\naccept_timeout = 60\n';
  product.configure(`${ssh('nft').replace('ports = 2222', 'ports = 2222, 2223')}${web}`);
  writeFileSync(product.paths.doors, DOORS.replace(SEQUENCE.join(','), '4001,4002'));
  await product.must('reload');
  assert.equal(await at3333(), false, 'the new service is protected');
  assert.notDeepEqual(product.identity('listener'), listener);
  assert.ok((await timeLeft(product, '192.0.2.1')) > 800, 'the entry stays');
  assert.equal(await opens(lab, SEQUENCE), false, 'the old sequence is gone');
  assert.ok(await opens(lab, ['4001', '4002']), 'the new one works');
  assert.equal(await jumps(lab, 4), 1);
  await product.must('accept', ADDRESS.client2[4], '--service', 'web');
  assert.ok(await at3333());

  // The service goes, another door comes.
  product.configure(ssh('nft'));
  writeFileSync(
    product.paths.doors,
    `${DOORS}[second]\nsequence = 5001:udp,5002:udp\ncommand = knockctl accept %IP%\n`,
  );
  await product.must('flush', ADDRESS.client[4]);
  await product.must('reload');
  assert.ok(!(await kernel(lab)).includes('web'), 'chains and sets of the service are gone');
  assert.ok(await opens(lab, ['5001:udp', '5002:udp']));
  assert.deepEqual((await product.status()).services[0]?.ports, [2222]);
  assert.ok(await session.echo('after two reloads'));

  // A bad file: all stays.
  const held = await kernel(lab);
  writeFileSync(product.paths.doors, '[broken]\nsequence = x\n');
  assert.equal((await product.ctl(['reload'])).exitCode, 78);
  rmSync(product.paths.doors);
  assert.equal((await product.ctl(['reload'])).exitCode, 78);
  assert.equal(await kernel(lab), held);
  await product.must('flush', ADDRESS.client[4]);
  assert.ok(await opens(lab, ['5001:udp', '5002:udp']), 'the doors that were are still there');
  writeFileSync(product.paths.doors, DOORS);

  // What only a restart can change is refused, and named.
  product.configure(ssh('legacy'));
  const refused = await product.ctl(['reload']);
  assert.equal(refused.exitCode, 1);
  assert.match(refused.stderr, /\[firewall\] backend[\s\S]*knockctl restart/);
  product.configure(ssh('nft'));
  await product.stop();
  assert.equal(await kernel(lab), untouched);
});

test('reload lets nobody in on the way', async () => {
  await using scene = await stage('legacy', { conf: patient('legacy') });
  const { lab, product } = scene;
  await product.start();
  const stranger = await probe(lab, 'client', 4);
  for (const more of ['on_failure = hold\n', 'on_failure = flush\n', '']) {
    product.configure(patient('legacy', more));
    await product.must('reload');
  }
  const { connected, refused } = await stranger.end();
  assert.ok(refused > 50);
  assert.equal(connected, 0);
});
