/** A gateway: three namespaces in a row, the port behind it hidden by rules in FORWARD, and a door with a Target. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { isAlive } from '../../src/system/process.js';
import { ADDRESS, createLab, type Backend, type Lab } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, conf } from './setting.js';

const KNOCK = [7000, 8000, 9000];

/** client — server, the gateway — client2, where the service is. */
async function gateway(backend: Backend): Promise<Lab> {
  const lab = await createLab({ backend });
  const run = async (place: 'server' | 'client', ...argv: readonly string[]): Promise<void> => {
    const done = await lab.exec(place, argv);
    assert.equal(done.exitCode, 0, done.stderr);
  };
  await run('server', '/usr/sbin/sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1');
  await run(
    'client',
    '/usr/sbin/ip',
    'route',
    'replace',
    `${ADDRESS.client2[4]}/32`,
    'via',
    ADDRESS.server[4],
  );
  await run(
    'client',
    '/usr/sbin/ip',
    '-6',
    'route',
    'replace',
    `${ADDRESS.client2[6]}/128`,
    'via',
    ADDRESS.server[6],
  );
  for (const port of [22, 80]) await lab.tcpEcho('client2', port);
  return lab;
}

async function check(backend: Backend, family: Family, gate: 'normal' | 'strict'): Promise<void> {
  await using lab = await gateway(backend);
  const inner = ADDRESS.client2[family];
  const service = `chain = FORWARD\naddress = ${inner}\non_failure = hold\naccept_timeout = 6\ngate = ${gate}`;
  const doors = `[inner]\nsequence = ${KNOCK.join(',')}\ntcpflags = syn\ntarget = ${inner}\ncommand = knockctl accept %IP%\n`;
  const product = new Product(lab, { conf: conf(backend, { service }), doors });
  const gets = async (port = 22): Promise<boolean> => lab.canConnect('client', inner, port, 400);
  const front = ['FORWARD', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'];
  // On legacy a table that was made stays: as if it had been there before.
  if (backend === 'legacy') await lab.iptables('server', family, ['-t', 'mangle', '-S']);
  const saved = await lab.save('server', family);
  await lab.waitFor(async () => gets(), 'the way through the gateway');
  await product.start();
  assert.equal(await gets(), false);
  if (gate === 'strict') {
    // With gate = normal (run once, 2026-11-29): red.
    await lab.iptables('server', family, ['-I', ...front]);
    assert.equal(await gets(), false, 'a rule in front opens nothing');
  }
  assert.equal(await gets(80), true, 'another port behind the gateway is as ever');
  await lab.knock('client', ADDRESS.server[family], KNOCK);
  assert.equal(await gets(), false, 'a knock at the gateway itself is none');
  await lab.knock('client', inner, KNOCK);
  await lab.waitFor(async () => gets(), 'the port behind the gateway to open');
  const session = await lab.openSession('client', inner, 22);
  await lab.waitFor(async () => !(await gets()), 'it to be shut again');
  assert.equal(await session.echo('goes on'), true);

  const [supervisor, listener] = [product.identity('supervisor'), product.identity('listener')];
  assert.ok(supervisor !== undefined && listener !== undefined);
  for (const { pid } of [supervisor, listener]) process.kill(pid, 'SIGKILL');
  await lab.waitFor(() => !isAlive(supervisor) && !isAlive(listener), 'the end of all of ours');
  await lab.knock('client', inner, KNOCK);
  assert.equal(await gets(), true, 'the kernel alone hears what is forwarded');
  assert.equal(await session.echo('still'), true);
  if (gate === 'strict') await lab.iptables('server', family, ['-D', ...front]);
  await product.must('stop');
  assert.equal(await lab.save('server', family), saved);
}

for (const gate of ['normal', 'strict'] as const) {
  for (const backend of inTurns(BACKENDS)) {
    for (const family of inTurns(FAMILIES)) {
      test(`a port behind a gateway: shut, opened by a knock, shut (${gate} gate, ${backend}, IPv${family})`, async () => {
        await check(backend, family, gate);
      });
    }
  }
}
