/** Packets of TCP that begin no connection and belong to none: a hidden port does not answer them, and no connection comes of one. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, conf, DOORS } from './setting.js';

const PROBER = fileURLToPath(new URL('../../../test/helpers/odd-packets.py', import.meta.url));
/** nmap's -sS, -sA and -sW, -sF, -sN, -sX, -sM. */
const ODD = ['2', '10', '1', '0', '29', '11'];
const SILENT = ODD.map(() => 'silent');

function prober(family: Family, port: number, words: readonly string[]): string[] {
  return ['/usr/bin/python3', PROBER, ADDRESS.client[family], ADDRESS.server[family], String(port), ...words];
}

async function answers(lab: Lab, family: Family, port: number): Promise<string[]> {
  const done = await lab.exec('client', prober(family, port, ODD));
  assert.equal(done.exitCode, 0, done.stderr);
  return done.stdout.trim().split('\n');
}

for (const backend of BACKENDS) {
  // Red with strays = pass: RST for ACK and FIN with ACK, and a connection by the cookie.
  test(`a hidden port is silent, whatever is sent; sessions go on (${backend})`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    const cookies = await lab.exec('server', ['/sbin/sysctl', '-qw', 'net.ipv4.tcp_syncookies=2']);
    assert.equal(cookies.exitCode, 0, cookies.stderr);
    const service = 'ports = 22, 23\non_failure = hold';
    const product = new Product(lab, { conf: conf(backend, { service }), doors: DOORS });
    const before = await Promise.all(
      FAMILIES.map(async (family) => lab.openSession('client', ADDRESS.server[family], 22)),
    );
    await product.start();
    for (const family of FAMILIES) {
      assert.deepEqual(await answers(lab, family, 22), SILENT, `IPv${family}, with a service behind it`);
      assert.deepEqual(await answers(lab, family, 23), SILENT, `IPv${family}, with nothing behind it`);
      await product.must('accept', ADDRESS.client[family]);
      assert.equal((await answers(lab, family, 22))[0], '0x12');
      const cookie = lab.spawn('client', prober(family, 22, ['SYN:cookie']));
      await cookie.until('ready');
      await product.must('drop', ADDRESS.client[family]);
      cookie.write('\n');
      await cookie.until('silent');
    }
    // Begun before the first start, by a cookie too; banned meanwhile.
    for (const session of before) assert.equal(await session.echo('x'), true);
    await product.kill('supervisor');
    for (const session of before) assert.equal(await session.echo('x'), true);
  });
}
