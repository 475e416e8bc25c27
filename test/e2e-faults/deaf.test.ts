/** The self-knock: a listener that lives and does not hear is no listener. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { DOORS, PORT, ssh, stage, untilTripped } from './setting.js';

async function loopback(lab: Lab, state: 'up' | 'down'): Promise<void> {
  const done = await lab.exec('server', ['/usr/sbin/ip', 'link', 'set', 'lo', state]);
  assert.equal(done.exitCode, 0, done.stderr);
}

describe('the self-knock', { concurrency: 3 }, () => {
  for (const names of ['any', 'eth0', 'eth0, eth1']) {
    test(`comes back by way of the capture, on ${names}`, async () => {
      const conf = ssh('nft', '', `[listener]\ninterface = ${names}\n`);
      await using scene = await stage('nft', { conf });
      const { product } = scene;
      await product.start();
      const { listener } = await product.status();
      assert.ok(listener?.selfKnock != null, 'it has come back before the service was armed');
      assert.ok(listener.selfKnock.roundTrip > 0 && listener.selfKnock.roundTrip < 2_000);
      assert.deepEqual(listener.interfaces, names.split(', '));
      assert.match(await product.must('status'), /self-knock came back in [\d.]+ ms/);
      await product.stop();
    });
  }

  test('without a loopback the beats are believed; once it is there, it has to prove itself', async () => {
    await using lab = await createLab({ backend: 'nft' });
    await loopback(lab, 'down');
    await lab.tcpEcho('server', PORT);
    const product = new Product(lab, { doors: DOORS, conf: ssh('nft') });
    await product.start();
    assert.equal((await product.status()).listener?.selfKnock, null);
    assert.match(await product.must('status'), /self-knock none has come back/);
    await loopback(lab, 'up');
    const proven = async (): Promise<boolean> => (await product.status()).listener?.selfKnock != null;
    await lab.waitFor(proven, 'a self-knock');
    assert.equal((await product.status()).state, 'armed');
    assert.equal(product.log().filter((line) => line.includes('listener lost')).length, 0);
    await loopback(lab, 'down');
    // Asked at the next heartbeat, killed after listener_timeout, and fed for as long again at most: 5 s.
    await product.waitForState('tripped');
    await untilTripped(lab);
    await product.stop();
  });
});
