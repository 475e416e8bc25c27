/** Rules undone by others: repaired at once on nft, with the name of who did it; and no endless fight. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import { BACKENDS, FAMILIES, getsIn, jumps, PORT, running, stage } from './setting.js';

/** No heartbeat and no health check comes while a test looks. */
const SLOW = `[failsafe]
heartbeat = 600
switch_timeout = 2000
listener_timeout = 700
[health]
schedule = 0 0 1 1 *
`;

const CONF = `${SLOW}[firewall]
backend = nft
[service.ssh]
ports = ${PORT}
`;

/** Clock ticks (10 ms each) that a process and those that it has waited for have used (proc(5)). */
function ticks(pid: number): number {
  const fields = (readIfExists(`/proc/${pid}/stat`) ?? '').replace(/^.*\) /, '').split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
}

describe('drift', { concurrency: 2 }, () => {
  // With the monitor switched off (run once, 2026-11-21) nothing is repaired, and these time out.
  for (const family of FAMILIES) {
    test(`nft, IPv${family}: what others undo is repaired within a second, and they are named`, async () => {
      await using scene = await stage('nft', {
        conf: CONF,
        trusted: `${ADDRESS.client2[family]} # stays\n`,
      });
      const { lab, product } = scene;
      await product.start();
      const session = await lab.openSession('client2', ADDRESS.server[family], 2222);
      const deeds = [
        ['-F'],
        ['-F', 'ssh_policy'],
        ['-D', 'INPUT', '1'],
        ['-I', 'ssh_policy', '-j', 'ACCEPT'],
      ];
      for (const [index, deed] of deeds.entries()) {
        await lab.iptables('server', family, deed);
        await product.waitForLog(/repaired: /, 1_000, index + 1);
      }
      const nft = await lab.exec('server', ['/usr/sbin/nft', 'flush', 'ruleset']);
      assert.equal(nft.exitCode, 0, nft.stderr);
      await waitFor(async () => (await jumps(lab, family)) === 1, 1_000, 'the jump to be back');
      assert.ok(await session.echo('still here'));
      assert.equal(await getsIn(lab, 'client', family), false);
      const name = family === 4 ? 'iptables' : 'ip6tables';
      await product.waitForLog(new RegExp(`repaired: .*; changed by ${name}-nft \\(pid \\d+\\)$`), 1_000, 4);
      await product.waitForLog(/repaired: .*; changed by nft \(pid \d+\)$/);
      const { repairs } = await product.status();
      assert.equal(repairs.count, deeds.length + 1);
      assert.match(repairs.last ?? '', /; changed by nft \(pid \d+\)$/);
      await product.stop();
      assert.deepEqual(await running(lab, 'nft monitor'), [], 'the monitor has ended too');
    });
  }

  test('nft: the monitor is started again when it dies; rules beside ours are nobody’s fault', async () => {
    await using scene = await stage('nft', { conf: CONF });
    const { lab, product } = scene;
    await product.start();
    const [monitor = 0] = await running(lab, 'nft monitor');
    process.kill(monitor, 'SIGKILL');
    await waitFor(
      async () => (await running(lab, 'nft monitor')).some((pid) => pid !== monitor),
      5_000,
      'another monitor',
    );
    await lab.iptables('server', 4, ['-A', 'INPUT', '-p', 'udp', '-j', 'ACCEPT']);
    await lab.iptables('server', 4, ['-D', 'INPUT', '-p', 'udp', '-j', 'ACCEPT']);
    await lab.iptables('server', 4, ['-F', 'ssh_filter']);
    await product.waitForLog(
      /repaired: chain ssh_filter was changed \(IPv4\); changed by iptables-nft /,
      2_000,
    );
    assert.equal((await product.status()).repairs.count, 1);
    await product.kill('supervisor');
    await waitFor(
      async () => (await running(lab, 'nft monitor')).length === 0,
      2_000,
      'the end of the monitor of a dead supervisor',
    );
  });

  for (const backend of BACKENDS) {
    test(`${backend}: a loop that flushes ten times a second is not fought for ever`, async () => {
      await using scene = await stage(backend);
      const { lab, product } = scene;
      await product.start();
      const loop = 'while :; do iptables -F INPUT; sleep 0.1; done';
      const tool = backend === 'nft' ? 'iptables-nft' : 'iptables-legacy';
      const child = lab.spawn('server', ['/bin/sh', '-c', loop.replace('iptables', `/usr/sbin/${tool}`)]);
      await product.waitForState('contested', 15_000);
      const pid = product.identity('supervisor')?.pid ?? 0;
      const before = ticks(pid);
      const beganMs = performance.now();
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      const used = ((ticks(pid) - before) * 10) / (performance.now() - beganMs);
      assert.ok(used < 0.05, `it used ${(100 * used).toFixed(1)} % of a core`);
      assert.ok(await getsIn(lab, 'client'), 'not fed: on_failure');
      const culprit = backend === 'nft' ? /by iptables(?:-nft)? \(pid \d+\)/ : /who did it is not known/;
      assert.match((await product.status()).reason, culprit);
      assert.equal((await product.ctl(['status'])).exitCode, 150);
      await child.kill('SIGKILL');
      await product.stop();
      assert.equal(await jumps(lab, 4), 0);
    });
  }
});
