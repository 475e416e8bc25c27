import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { takeSnapshot } from '../../src/firewall/rules/snapshot.js';
import type { Exec } from '../../src/system/exec.js';
import { KernelSpace, SERVICE } from '../helpers/kernel-space.js';
import { allInForce, FAMILIES, withForeign } from './rules/foreign.js';

for (const backend of ['nft', 'legacy'] as const) {
  describe(`the firewall on ${backend}`, () => {
    it('is built in two steps, is in force, and goes without a trace', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const before = await saves();
      const firewall = space.firewall(backend);
      assert.deepEqual(
        (await firewall.ruleStatus()).map(({ chains, jump }) => [chains, jump]),
        [
          [false, false],
          [false, false],
        ],
      );
      await firewall.prepare();
      assert.deepEqual(
        (await firewall.ruleStatus()).map(({ family, chains, jump }) => [family, chains, jump]),
        [
          [4, true, false],
          [6, true, false],
        ],
      );
      const changes = await firewall.repair();
      assert.deepEqual(changes, [
        'the jump to ssh_policy was missing (IPv4)',
        'the jump to ssh_policy was missing (IPv6)',
      ]);
      assert.equal(await allInForce(firewall), true);
      assert.deepEqual(await firewall.repair(), []);
      for (const save of await saves()) {
        assert.match(
          save,
          /^:ssh_trusted .*\n-A INPUT ! -i lo -p tcp .* --comment "knockctl:ssh" -j ssh_policy\n(?:-A INPUT ! -i lo .*"knockctl:hidden:ssh".*\n)*-A INPUT .*f2b-sshd\n/m,
          'first',
        );
      }
      assert.deepEqual(await firewall.remove(), []);
      assert.deepEqual(await saves(), before);
      assert.equal(await space.must('ipset list -n'), '');
      assert.deepEqual(await firewall.remove(), [], 'twice is no fault');
    });

    it('is known again by a later life, and left as it is', async () => {
      await using space = new KernelSpace();
      const first = space.firewall(backend);
      await first.repair();
      const saves = async (): Promise<string[]> =>
        Promise.all(FAMILIES.map(async (family) => space.save(backend, family)));
      const before = await saves();
      const second = space.firewall(backend);
      assert.equal(await allInForce(second), true);
      await second.prepare();
      assert.deepEqual(await second.repair(), []);
      assert.deepEqual(await saves(), before);
    });

    it('follows its configuration: other ports and another on_failure, prepared first', async () => {
      await using space = new KernelSpace();
      await space.firewall(backend).repair();
      const changed = space.firewall(backend, [{ ...SERVICE, ports: [2222], onFailure: 'hold' }]);
      await changed.prepare();
      assert.match(await space.save(backend, 4), /--dports 22 .*knockctl:ssh/, 'prepare leaves the jump');
      assert.deepEqual(
        (await changed.ruleStatus()).map(({ chains, jump }) => [chains, jump]),
        [
          [true, false],
          [true, false],
        ],
        'the jump of before is not the right one',
      );
      await changed.repair();
      for (const family of FAMILIES) {
        const save = await space.save(backend, family);
        assert.equal(save.split('knockctl:ssh"').length, 2);
        assert.match(save, /--dports 2222 /);
        assert.doesNotMatch(save, /ssh_alive/);
      }
    });

    it('keeps chains and sets that a rule of somebody else names, empty', async () => {
      await using space = new KernelSpace();
      const firewall = space.firewall(backend);
      await firewall.repair();
      await space.iptables(backend, 4, '-A FORWARD -j ssh_banned');
      await space.iptables(backend, 4, '-A FORWARD -m set --match-set ssh_trusted4 src -j ACCEPT');
      assert.deepEqual(await firewall.remove(), [
        'chain ssh_banned was flushed but not deleted: a foreign rule references it: -A FORWARD -j ssh_banned',
        'set ssh_trusted4 was not destroyed: rules still reference it (1)',
      ]);
      const save = await space.save(backend, 4);
      assert.match(save, /^:ssh_banned - /m);
      assert.doesNotMatch(save, /-A ssh_|ssh_policy|ssh_filter/);
      assert.equal(await space.must('ipset list -n'), 'ssh_trusted4\n');
      await firewall.repair();
      assert.equal(await allInForce(firewall), true, 'and it can be built again');
    });

    it('takes out services that the configuration no longer has, and nothing that only looks like one', async () => {
      await using space = new KernelSpace();
      const both = space.firewall(backend, [SERVICE, { ...SERVICE, name: 'web', ports: [80] }]);
      await both.repair();
      await space.iptables(backend, 4, '-N web_mine');
      const one = space.firewall(backend, [SERVICE]);
      one.recordOrphans([], ['web']);
      await one.repair();
      const save = await space.save(backend, 4);
      assert.doesNotMatch(save, /web_(?!mine)/);
      assert.match(save, /^:web_mine - /m);
      assert.equal(await allInForce(one), true);
      assert.doesNotMatch(await space.must('ipset list -n'), /web/);
    });

    it('reads round a rule of somebody else that nobody can parse', async () => {
      await using space = new KernelSpace();
      const odd: Exec = async (argv, options) => {
        const done = await space.exec(argv, options);
        const isSave = argv.some((word) => word.endsWith('-save'));
        return isSave
          ? { ...done, stdout: done.stdout.replace(/^COMMIT$/m, '-A INPUT "open\nCOMMIT') }
          : done;
      };
      const firewall = space.firewall(backend, [SERVICE], { exec: odd });
      await firewall.repair();
      assert.equal(await allInForce(firewall), true);
      assert.deepEqual(await firewall.remove(), []);
    });

    it('saves the rulesets from before, for iptables-restore', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const before = await saves();
      const folder = `${space.dir}/snapshots`;
      const { tables, families } = space.firewall(backend);
      const now = new Date(Date.UTC(2030, 0, 2, 3, 4, 5));
      const paths = await takeSnapshot(tables, families, folder, now);
      assert.deepEqual(paths, [
        `${folder}/rules-2030-01-02T03-04-05.000Z.v4`,
        `${folder}/rules-2030-01-02T03-04-05.000Z.v6`,
      ]);
      for (const family of FAMILIES) await space.iptables(backend, family, '-F');
      for (const [index, family] of FAMILIES.entries()) {
        const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}-restore`;
        await space.must(`${tool} ${paths[index] ?? ''}`);
      }
      assert.deepEqual(await saves(), before);
    });
  });
}

describe('the firewall on nft', () => {
  it('takes a filter table out that it made, and only an empty one', async () => {
    await using space = new KernelSpace();
    const firewall = space.firewall('nft');
    const exist = async (): Promise<boolean[]> =>
      Promise.all(FAMILIES.map(async (family) => firewall.tables.exists(family)));
    assert.deepEqual(await exist(), [false, false]);
    await firewall.repair();
    await space.iptables('nft', 6, '-A INPUT -j ACCEPT');
    assert.deepEqual(await firewall.remove([4, 6]), []);
    assert.equal(await space.must('nft list tables'), 'table ip6 filter\n');
    assert.deepEqual(await exist(), [false, true]);
  });
});
