import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { isAlive } from '../../src/system/process.js';
import { inTurn, OPEN } from './setting.js';

describe('a supervisor that is killed', { concurrency: 4 }, () => {
  inTurn(
    'leaves an accepted address in for its time and not longer, with on_failure = hold',
    { service: 'on_failure = hold\naccept_timeout = 15' },
    async ({ lab, product, server, gets, opens, shuts, knock }) => {
      await product.start();
      await knock('client', OPEN);
      await opens('client');
      const session = await lab.openSession('client', server, 22);
      const listener = product.identity('listener');
      await product.kill('supervisor');
      assert.ok(listener !== undefined);
      await lab.waitFor(() => !isAlive(listener), 'the end of the listener');

      // The switch trips with nothing of ours running: nobody new comes in, who is in stays.
      const isFed = async (): Promise<boolean> =>
        (await lab.exec('server', ['/usr/sbin/ipset', 'test', 'ssh_alive', '22'])).exitCode === 0;
      await lab.waitFor(async () => !(await isFed()), 'the trip of the switch');
      assert.equal(await gets('client2'), false, 'held shut');
      assert.equal(await gets('client'), true, 'accepted before, and its time has not come');
      const report = await product.status();
      assert.equal(report.state, 'dead');
      assert.equal(report.services[0]?.switchLeft, null);

      // The kernel ends the time.
      await shuts('client');
      assert.deepEqual(await product.addresses('filter'), []);
      assert.equal(await gets('client2'), false);
      assert.equal(await session.echo('still here'), true);
      // With nothing of ours running, the kernel hears a knock.
      assert.equal(await gets('client'), false);
      await knock('client', OPEN);
      assert.equal(await gets('client'), true);

      await product.must('restartifdead');
      const { state, doors } = await product.status();
      assert.equal(state, 'armed');
      assert.deepEqual(
        doors.filter(({ knocks }) => knocks > 0).map(({ name, knocks }) => [name, knocks]),
        [['open', 2]],
      );
      await product.waitForLog(/open: the kernel carried out [12] knocks? since a supervisor last looked/);
      assert.equal(await gets('client'), true, 'let in by the kernel, adopted');
      await product.must('flush', 'filter');
      await shuts('client');
      await knock('client', OPEN);
      await opens('client');
      assert.equal(await gets('client2'), false);
      assert.equal(await session.echo('armed again'), true);
      await product.stop();
    },
  );
});
