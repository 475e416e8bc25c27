import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { EXIT, KnockError } from '../../src/base/errors.js';
import { KernelSpace, SERVICE } from '../helpers/kernel-space.js';
import { shippedTemplate } from '../helpers/template.js';
import { allInForce, FAMILIES, withForeign } from './rules/foreign.js';

const CHAINS = [
  'banned',
  'decoyed',
  'filter',
  'headers',
  'hidden',
  'policy',
  'reassemble',
  'stray',
  'trusted',
].map((part) => `ssh_${part}`);

for (const backend of ['nft', 'legacy'] as const) {
  describe(`the firewall on ${backend}, in doubt`, () => {
    it('repairs what others do to it, and leaves theirs as it is', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const firewall = space.firewall(backend);
      await firewall.repair();
      const right = await saves();
      const jump = /^-A (INPUT .*knockctl:ssh".*)$/m.exec(right[0] ?? '')?.[1]?.replaceAll('"', '') ?? '';
      const deeds: readonly (readonly [string, () => Promise<unknown>])[] = [
        [
          'the jump tripled',
          async () => Promise.all([1, 2].map(async () => space.iptables(backend, 4, `-I ${jump}`))),
        ],
        [
          'the jump moved to another chain',
          async () => {
            await space.iptables(backend, 4, `-D ${jump}`);
            await space.iptables(backend, 4, `-A ${jump.replace('INPUT', 'FORWARD')}`);
          },
        ],
        [
          'the jump changed',
          async () => {
            await space.iptables(backend, 4, `-D ${jump}`);
            await space.iptables(backend, 4, '-I INPUT -m comment --comment knockctl:ssh -j ACCEPT');
          },
        ],
        [
          'a copy of the jump in our own chain',
          async () =>
            space.iptables(
              backend,
              4,
              `-I ${jump.replace('INPUT', 'ssh_filter').replace('ssh_policy', 'ACCEPT')}`,
            ),
        ],
        ['a chain flushed', async () => space.iptables(backend, 4, '-F ssh_policy')],
        ['a rule put into our chain', async () => space.iptables(backend, 4, '-I ssh_filter -j ACCEPT')],
        ['a rule taken out of our chain', async () => space.iptables(backend, 4, '-D ssh_policy -j DROP')],
        [
          'a rule out of order',
          async () => {
            await space.iptables(backend, 4, '-D ssh_policy -j ssh_banned');
            await space.iptables(backend, 4, '-A ssh_policy -j ssh_banned');
          },
        ],
        ['the jump deleted', async () => space.iptables(backend, 6, `-D ${jump}`)],
      ];
      for (const [what, deed] of deeds) {
        await deed();
        assert.equal(await allInForce(firewall), false, what);
        const changes = await firewall.repair();
        assert.ok(changes.length >= 1, what);
        assert.deepEqual(await saves(), right, what);
        assert.deepEqual(await firewall.repair(), [], what);
      }
    });

    it('is built anew after -F; -X, and a set that is gone or of another kind is made again', async () => {
      await using space = new KernelSpace();
      const firewall = space.firewall(backend);
      await firewall.repair();
      for (const family of FAMILIES) {
        await space.iptables(backend, family, '-F');
        await space.iptables(backend, family, '-X');
      }
      await space.must('ipset destroy ssh_filter4');
      await space.must('ipset destroy ssh_filter6');
      await space.must('ipset create ssh_filter6 hash:ip family inet6');
      let fed = 0;
      const changes = await firewall.repair(async () => {
        fed += 1;
        await firewall.feed(30);
      });
      assert.equal(fed, 1);
      assert.deepEqual(
        changes.filter((change) => !change.includes('hash:ip')).sort(),
        [
          ...FAMILIES.flatMap((family) => CHAINS.map((chain) => `chain ${chain} was missing (IPv${family})`)),
          ...FAMILIES.map((family) => `the jump to ssh_policy was missing (IPv${family})`),
          'set ssh_filter4 is missing',
        ].sort(),
      );
      assert.equal(await allInForce(firewall), true);
      assert.notEqual(await firewall.sets.ports.switchLeft(SERVICE), undefined);
    });

    it('takes a template that the kernel prints in another form, and repairs it once', async () => {
      await using space = new KernelSpace();
      const odd = '-A @SERVICE@_policy -p 6 --dport 0:65535 -j DROP\n-A @SERVICE@_policy -j DROP';
      const text = shippedTemplate().text.replace('-A @SERVICE@_policy -j DROP', odd);
      const template = { file: '/t', text };
      const firewall = space.firewall(backend, [SERVICE], { template });
      assert.ok((await firewall.repair()).length > 0);
      assert.deepEqual(await firewall.repair(), []);
      assert.equal(await allInForce(firewall), true);
      await space.iptables(backend, 4, '-D ssh_policy 1');
      assert.deepEqual(await firewall.repair(), ['chain ssh_policy was changed (IPv4)']);
      assert.deepEqual(await firewall.repair(), []);
    });

    it('changes nothing where the kernel refuses, all or nothing', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const before = await saves();
      const text = shippedTemplate().text.replace(
        '-j @SERVICE@_filter\n',
        '-m set --match-set nowhere src -j ACCEPT\n',
      );
      const broken = space.firewall(backend, [SERVICE], { template: { file: '/t', text } });
      await assert.rejects(
        broken.repair(),
        (error) => error instanceof KnockError && error.exitCode === EXIT.firewall,
      );
      assert.deepEqual(await saves(), before);
      const good = space.firewall(backend);
      await good.repair();
      const inForce = await saves();
      await assert.rejects(broken.repair());
      assert.deepEqual(await saves(), inForce, 'what was in force stays in force');
    });
  });
}
