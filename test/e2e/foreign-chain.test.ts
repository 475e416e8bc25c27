/** `chain = DOCKER-USER` before there is one: the start is not refused, and the port is shut as soon as somebody makes it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, conf } from './setting.js';

const KNOCK = [7000, 8000, 9000];
const CHAIN = 'DOCKER-USER';

async function check(backend: Backend, family: Family): Promise<void> {
  await using lab = await createLab({ backend });
  await lab.tcpEcho('server', 22);
  const doors = `[d]\nsequence = ${KNOCK.join(',')}\ntcpflags = syn\ncommand = knockctl accept %IP%\n`;
  const product = new Product(lab, { conf: conf(backend, { service: `chain = ${CHAIN}` }), doors });
  const gets = async (): Promise<boolean> => lab.canConnect('client', ADDRESS.server[family], 22, 400);
  const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}-restore`;
  /** All at once: a chain that is flushed, and still there, gets our jump back before it could be deleted. */
  const rules = async (...lines: readonly string[]): Promise<void> => {
    const input = ['*filter', ...lines, 'COMMIT', ''].join('\n');
    const { exitCode, stderr } = await lab.exec('server', [tool, '--noflush', '--wait', '20'], { input });
    assert.equal(exitCode, 0, stderr);
  };
  const started = await product.ctl(['start']);
  assert.equal(started.exitCode, 0, started.stderr);
  assert.match(
    started.stderr,
    /note: IPv4 and IPv6: there is no chain DOCKER-USER: service ssh is not protected/,
  );
  assert.match(await product.must('status'), /IPv4 NOT PROTECTED: there is no chain DOCKER-USER/);
  await product.waitForLog(/there is no chain DOCKER-USER/);
  assert.equal(await gets(), true, 'no packet of the port passes a chain that is not there');

  // A stand-in for Docker: it sends packets that come in by INPUT, so that no second host is needed.
  await rules(`-N ${CHAIN}`, `-A INPUT -j ${CHAIN}`);
  await lab.waitFor(async () => !(await gets()), 'the port to be shut in the new chain');
  await lab.knock('client', ADDRESS.server[family], KNOCK);
  await lab.waitFor(gets, 'a knock to open it');
  const other = family === 4 ? 6 : 4;
  assert.match(
    (await product.ctl(['reload'])).stderr,
    new RegExp(`note: IPv${other}: there is no chain DOCKER-USER`),
  );
  await product.must('flush', 'all');
  assert.equal(await gets(), false);

  // Docker makes its chains anew when it starts again.
  await rules(`-D INPUT -j ${CHAIN}`, `-F ${CHAIN}`, `-X ${CHAIN}`);
  await lab.waitFor(gets, 'the port to be as Docker left it');
  const waits = async (): Promise<boolean> => {
    const { state, services } = await product.status();
    return state === 'armed' && services[0]?.rules.every(({ awaits }) => awaits === CHAIN) === true;
  };
  await lab.waitFor(waits, 'status to say that the chain is gone');
  await rules(`-N ${CHAIN}`, `-A INPUT -j ${CHAIN}`);
  await lab.waitFor(async () => !(await gets()), 'the port to be shut again');
  await product.must('stop');
  assert.equal(await gets(), true);
  await rules(`-D INPUT -j ${CHAIN}`, `-X ${CHAIN}`);
}

for (const backend of BACKENDS) {
  for (const family of FAMILIES) {
    test(`a chain of somebody else's that comes and goes (${backend}, IPv${family})`, async () => {
      await check(backend, family);
    });
  }
}
