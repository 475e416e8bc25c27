/** A service whose doors are all in the kernel needs no listener: whoever kills that gains nothing. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { conf, inTurn, OPEN } from './setting.js';

const FEW = 'max_restarts = 1\n[firewall]';

describe('a listener that dies again and again', { concurrency: 2 }, () => {
  // Red without `#needsNoListener` in the engine: tripped at the second death.
  inTurn(
    'opens no port whose doors the kernel has: it is fed on, and a knock opens',
    { service: 'on_failure = restore\naccept_timeout = 60' },
    async ({ lab, product, gets, opens, shuts, knock }) => {
      const text = conf(lab.backend, { service: 'on_failure = restore\naccept_timeout = 60' });
      product.configure(text.replace('[firewall]', FEW));
      await product.start();
      for (let death = 0; death < 2; death += 1) {
        await lab.waitFor(() => product.identity('listener') !== undefined, 'a listener');
        await product.kill('listener');
        await product.waitForLog(/listener lost/, death + 1);
        if (death === 0) await product.waitForState('armed');
      }
      await product.waitForLog(/started again in 60 s/);
      const report = await product.status();
      assert.equal(report.state, 'degraded');
      assert.equal((await product.ctl(['status'])).exitCode, 150);
      // The switch would have tripped by itself after 3 s.
      const sinceMs = performance.now();
      while (performance.now() - sinceMs < 4_000) assert.equal(await gets('client2'), false, 'shut');
      assert.notEqual((await product.status()).services[0]?.switchLeft, null);
      await knock('client', OPEN);
      await opens('client');
      await product.must('flush', 'filter');
      await shuts('client');
      assert.equal(await product.must('restartifdead'), '', 'all is as well as it can be');
      await product.must('restart');
      await product.waitForState('armed');
      await product.stop();
    },
  );
});
