/** Second gates on a real kernel: built, known again, repaired, taken out; in a namespace of each test's own. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { Service } from '../../../src/firewall/model/service.js';
import { KernelSpace, SERVICE } from '../../helpers/kernel-space.js';
import { allInForce, FAMILIES, withForeign } from './foreign.js';

const STRICT: Service = { ...SERVICE, gate: 'strict' };

const GATE = ['ssh_gate', 'ssh_gate.head', 'ssh_gate.hide', 'ssh_gate.join', 'ssh_gate.stray'];

for (const backend of ['nft', 'legacy'] as const) {
  describe(`a second gate on ${backend}`, () => {
    it('is built in two steps, is in force, and goes without a trace', async () => {
      await using space = new KernelSpace();
      // On legacy a table that was made stays.
      if (backend === 'legacy')
        for (const family of FAMILIES) await space.iptables(backend, family, '-t mangle -S');
      const saves = await withForeign(space, backend);
      const before = await saves();
      const firewall = space.firewall(backend, [STRICT]);
      await firewall.prepare();
      assert.equal(await allInForce(firewall), false);
      assert.deepEqual(await firewall.repair(), [
        'the jump to ssh_policy was missing (IPv4)',
        'the jump to ssh_gate was missing (IPv4)',
        'the jump to ssh_policy was missing (IPv6)',
        'the jump to ssh_gate was missing (IPv6)',
      ]);
      assert.equal(await allInForce(firewall), true);
      assert.deepEqual(await firewall.repair(), []);
      const later = space.firewall(backend, [STRICT]);
      assert.equal(await later.isActive(), true);
      assert.deepEqual(await later.repair(), [], 'a later life knows it again');
      assert.deepEqual(await firewall.remove([], [4, 6]), []);
      assert.deepEqual(await saves(), before);
      assert.equal(await space.must('ipset list -n'), '');
      assert.deepEqual(await firewall.remove([], [4, 6]), [], 'twice is no fault');
    });

    it('is repaired, one jump of it, whatever was done to it', async () => {
      await using space = new KernelSpace();
      const firewall = space.firewall(backend, [STRICT]);
      await firewall.repair();
      const good = await Promise.all(FAMILIES.map(async (family) => space.save(backend, family)));
      const deeds = [
        ['-t mangle -F'],
        ['-t mangle -F', '-t mangle -X'],
        ['-t mangle -D ssh_gate 1'],
        ['-t mangle -I ssh_gate -j RETURN'],
        ['-t mangle -I INPUT -p tcp -m comment --comment knockctl:ssh -j ssh_gate'],
      ];
      for (const lines of deeds) {
        for (const family of FAMILIES) for (const line of lines) await space.iptables(backend, family, line);
        assert.equal(await allInForce(firewall), false, lines.join());
        assert.ok((await firewall.repair()).length > 0);
        assert.deepEqual(
          await Promise.all(FAMILIES.map(async (family) => space.save(backend, family))),
          good,
          lines.join(),
        );
      }
    });

    it('comes and goes with its setting, and leaves the policy as it is', async () => {
      await using space = new KernelSpace();
      const normal = space.firewall(backend);
      await normal.repair();
      const policy = async (): Promise<string[]> =>
        Promise.all(FAMILIES.map(async (family) => space.iptables(backend, family, '-S')));
      const before = await policy();
      const strict = space.firewall(backend, [STRICT]);
      await strict.prepare();
      await strict.repair();
      assert.deepEqual(await policy(), before);
      assert.match(await space.iptables(backend, 6, '-t mangle -S INPUT'), /-j ssh_gate/);
      const back = space.firewall(backend);
      await back.prepare();
      assert.deepEqual(await back.repair(), [
        'the jump to ssh_gate was there 2 times, or changed (IPv4)',
        ...GATE.map((chain) => `chain ${chain}, which nothing needs any more, was taken out (IPv4)`),
        'the jump to ssh_gate was there 4 times, or changed (IPv6)', // but for one, for packets that hide what they are, or are stray
        ...GATE.map((chain) => `chain ${chain}, which nothing needs any more, was taken out (IPv6)`),
      ]);
      assert.deepEqual(await policy(), before);
      assert.doesNotMatch(await space.iptables(backend, 6, '-t mangle -S'), /ssh_/);
    });

    it('is taken out by one who knows the name of the service alone', async () => {
      await using space = new KernelSpace();
      await space.firewall(backend, [STRICT]).repair();
      const other = space.firewall(backend, [{ ...SERVICE, name: 'web', ports: [80] }]);
      other.recordOrphans([], ['ssh']);
      assert.deepEqual(await other.remove([4, 6], [4, 6]), []);
      for (const family of FAMILIES) assert.doesNotMatch(await space.save(backend, family), /ssh/);
      if (backend === 'nft') assert.equal(await space.must('nft list tables'), '');
    });
  });
}
