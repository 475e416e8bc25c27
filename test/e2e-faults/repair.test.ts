import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import type { Family } from '../../src/base/address.js';
import { ADDRESS, type Backend, type Lab } from '../helpers/lab.js';
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

/** Lines of iptables-restore, in one go and beside what is there. */
async function restore(lab: Lab, backend: Backend, family: Family, lines: string): Promise<void> {
  const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}-restore`;
  const done = await lab.exec('server', [tool, '--noflush'], { input: `*filter\n${lines}\nCOMMIT\n` });
  assert.equal(done.exitCode, 0, done.stderr);
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
    // No more than two deeds each: whoever undoes our rules more than five times a minute is fighting us.
    for (const deeds of [
      ['-F', '-F\n-X'],
      ['-F ssh_policy', '-D INPUT 1'],
    ]) {
      test(`${backend}: iptables ${deeds.join(', and ').replaceAll('\n', '; ')}`, async () => {
        await using scene = await armed(backend);
        const { lab, product } = scene;
        const session = await lab.openSession('client2', ADDRESS.server[4], 2222);
        const held = await kernel(lab);
        for (const deed of deeds) {
          for (const family of FAMILIES) await restore(lab, backend, family, deed);
          await repaired(scene, held);
          assert.ok(await session.echo(deed.replaceAll('\n', ' ')));
        }
        await product.waitForLog(/repaired: /);
      });
    }

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
      const tools = FAMILIES.map(
        (family) => `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`,
      );
      const commands = [...tools.flatMap((tool) => [`${tool} -F`, `${tool} -X`]), '/usr/sbin/ipset destroy'];
      const destroyed = async (): Promise<boolean> =>
        (await lab.exec('server', ['/bin/sh', '-c', commands.join('; ')])).exitCode === 0;
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
