/** What the host sends to itself is never filtered: ssh to localhost, monitoring, git over ssh to its own name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, conf, DOORS } from './setting.js';

const LOOPBACK = { 4: '127.0.0.1', 6: '::1' } as const;

// Red without @FROM@ in the rule for @CHAIN@.
for (const backend of BACKENDS) {
  test(`the host reaches its own port, by loopback and own addresses; others do not (${backend})`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    const product = new Product(lab, {
      conf: conf(backend, { service: 'on_failure = hold' }),
      doors: DOORS,
    });
    const check = async (when: string): Promise<void> => {
      for (const family of FAMILIES) {
        for (const to of [LOOPBACK[family], ADDRESS.server[family], ADDRESS.server2[family]]) {
          assert.equal(await lab.canConnect('server', to, 22), true, `${to}, ${when}`);
        }
        assert.equal(await lab.canConnect('client', ADDRESS.server[family], 22), false, when);
      }
    };
    await product.start();
    await check('armed');
    // The self-knock goes over the loopback too: without it nothing stays armed.
    await lab.waitFor(async () => (await product.status()).listener?.selfKnock != null, 'the self-knock');
    await product.must('drop', '203.0.113.1');
    await product.kill('supervisor');
    await lab.waitFor(
      async () => (await product.ctl(['status'])).exitCode !== 0,
      'the end of the supervisor',
    );
    await check('with nothing of ours running, on_failure = hold');
  });

  test(`a service in another chain leaves the loopback out as well (${backend})`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    for (const family of FAMILIES) {
      await lab.iptables('server', family, ['-N', 'SERVICES']);
      await lab.iptables('server', family, ['-A', 'INPUT', '-j', 'SERVICES']);
    }
    const service = 'chain = SERVICES\non_failure = hold';
    const product = new Product(lab, { conf: conf(backend, { service }), doors: DOORS });
    await product.start();
    for (const family of FAMILIES) {
      assert.equal(await lab.canConnect('server', LOOPBACK[family], 22), true);
      assert.equal(await lab.canConnect('client', ADDRESS.server[family], 22), false);
    }
    await product.stop();
  });
}
