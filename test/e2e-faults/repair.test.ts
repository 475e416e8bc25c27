import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ADDRESS, type Backend } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import { BACKENDS, FAMILIES, getsIn, jumps, kernel, ssh, stage, type Stage } from './setting.js';

const EVERY_SECOND = '[health]\nschedule = */1 * * * * *\n';
const REPAIRED_MS = 4_000;

async function armed(backend: Backend): Promise<Stage> {
  const scene = await stage(backend, {
    conf: ssh(backend, '', EVERY_SECOND),
    trusted: `${ADDRESS.client2[4]} # stays in\n`,
  });
  await scene.product.start();
  await scene.product.must('accept', '192.0.2.1', '--timeout', '500');
  return scene;
}

async function repaired({ lab, product }: Stage, held: string): Promise<void> {
  // A set whose entries were put back is another set, with another seed for its hash.
  const seedless = (text: string): string => text.replaceAll(/initval \S+/g, '');
  const isRight = async (): Promise<boolean> => seedless(await kernel(lab)) === seedless(held);
  await waitFor(isRight, REPAIRED_MS, 'all to be as it was').catch(async (error: unknown) => {
    assert.equal(seedless(await kernel(lab)), seedless(held), String(error));
  });
  await product.waitForState('armed');
  assert.equal(await getsIn(lab, 'client'), false);
  assert.ok(await getsIn(lab, 'client2'));
}

describe('undone by others', { concurrency: 4 }, () => {
  for (const backend of BACKENDS) {
    test(`${backend}: iptables -F, and -F; -X`, async () => {
      await using scene = await armed(backend);
      const { lab, product } = scene;
      const session = await lab.openSession('client2', ADDRESS.server[4], 2222);
      const held = await kernel(lab);
      for (const commands of [[['-F']], [['-F'], ['-X']], [['-F', 'ssh_policy']], [['-D', 'INPUT', '1']]]) {
        for (const family of FAMILIES) {
          // The second may come too late: what it is to take is in use again.
          for (const [index, args] of commands.entries()) {
            const done = lab.iptables('server', family, args);
            await (index === 0 ? done : done.catch(() => ''));
          }
        }
        await repaired(scene, held);
        assert.ok(await session.echo(commands.join(' ')));
      }
      await product.waitForLog(/repaired: /);
    });

    test(`${backend}: a second jump, a rule in a chain of ours, a rule of somebody else`, async () => {
      await using scene = await armed(backend);
      const { lab, product } = scene;
      const held = await kernel(lab);
      const jump = (await lab.iptables('server', 4, ['-S', 'INPUT']))
        .split('\n')
        .find((line) => line.includes('ssh_'));
      const words = (jump ?? '').replaceAll('"', '').split(' ');
      await lab.iptables('server', 4, words);
      await product.waitForLog(/repaired: /, REPAIRED_MS);
      await lab.iptables('server', 4, ['-I', 'ssh_policy', '-j', 'ACCEPT']);
      await product.waitForLog(/repaired: /, REPAIRED_MS, 2);
      await repaired(scene, held);
      assert.equal(await jumps(lab, 4), 1);
      await lab.iptables('server', 4, ['-A', 'INPUT', '-p', 'udp', '--dport', '53', '-j', 'DROP']);
      const foreign = await kernel(lab);
      await lab.iptables('server', 4, ['-D', 'INPUT', '1']);
      await product.waitForLog(/repaired: /, REPAIRED_MS, 3);
      await repaired(scene, foreign);
      await product.stop();
      assert.match(await lab.iptables('server', 4, ['-S', 'INPUT']), /-A INPUT -p udp .* -j DROP/);
      assert.equal(await jumps(lab, 4), 0);
    });

    test(`${backend}: the switch emptied, sets destroyed or of another kind`, async () => {
      await using scene = await armed(backend);
      const { lab, product } = scene;
      const ipset = async (...args: string[]): Promise<void> => {
        const done = await lab.exec('server', ['/usr/sbin/ipset', ...args]);
        assert.equal(done.exitCode, 0, done.stderr);
      };
      await ipset('flush', 'ssh_alive');
      await waitFor(async () => !(await getsIn(lab, 'client')), 2_500, 'the next heartbeat to feed');
      await product.must('flush', 'filter');
      const held = (await kernel(lab)).replaceAll(/initval \S+/g, '');
      // In one go, so that no check comes between.
      const destroyed = async (): Promise<boolean> => {
        for (const family of FAMILIES) {
          await lab.iptables('server', family, ['-F']);
          await lab.iptables('server', family, ['-X']).catch(() => '');
        }
        return (await lab.exec('server', ['/usr/sbin/ipset', 'destroy'])).exitCode === 0;
      };
      await waitFor(destroyed, 5_000, 'the sets to be destroyed between two checks');
      await lab.exec('server', ['/usr/sbin/ipset', 'create', 'ssh_filter4', 'hash:ip,port']);
      const isRight = async (): Promise<boolean> => {
        const now = await kernel(lab);
        return now.replaceAll(/initval \S+/g, '') === held;
      };
      await waitFor(isRight, REPAIRED_MS, 'sets, chains and jump to be there again').catch(
        async (error: unknown) => {
          assert.equal((await kernel(lab)).replaceAll(/initval \S+/g, ''), held, String(error));
        },
      );
      await product.waitForState('armed');
      assert.equal(await getsIn(lab, 'client'), false);
    });
  }

  test('nft flush ruleset', async () => {
    await using scene = await armed('nft');
    const { lab } = scene;
    const held = await kernel(lab);
    const done = await lab.exec('server', ['/usr/sbin/nft', 'flush', 'ruleset']);
    assert.equal(done.exitCode, 0, done.stderr);
    await repaired(scene, held);
  });

  test('the trusted set emptied by hand: whom the file trusts is let in again', async () => {
    await using scene = await armed('nft');
    const { lab } = scene;
    const held = await kernel(lab);
    await lab.exec('server', ['/usr/sbin/ipset', 'flush', 'ssh_trusted4']);
    await repaired(scene, held);
  });
});
