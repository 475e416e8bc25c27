import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, it } from 'node:test';

import { parseNetwork, type Network } from '../../../src/base/address.js';
import { Firewall } from '../../../src/firewall/firewall.js';
import type { Service } from '../../../src/firewall/model/service.js';
import { Tables } from '../../../src/firewall/rules/tables.js';
import { NO_RULES } from '../../../src/firewall/trial/trial.js';
import { KernelSpace, SERVICE, SETTINGS } from '../../helpers/kernel-space.js';
import { shippedTemplate } from '../../helpers/template.js';
import { allInForce, FAMILIES, withForeign } from '../rules/foreign.js';

const WEB: Service = { ...SERVICE, name: 'web', ports: [80] };
const MOVED: Service = { ...SERVICE, ports: [2222], onFailure: 'hold' };

function address(text: string): Network {
  const parsed = parseNetwork(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

for (const backend of ['nft', 'legacy'] as const) {
  const onTrial = (space: KernelSpace, services: readonly Service[], before = NO_RULES): Firewall => {
    const plain = (family: 4 | 6, verb: string): string =>
      `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}-${verb}`;
    const tools = (family: 4 | 6): { save: string; restore: string } => ({
      save: plain(family, 'save'),
      restore: plain(family, 'restore'),
    });
    const tables = new Tables(space.exec, {
      name: backend,
      reason: 'test',
      tools: { 4: tools(4), 6: tools(6) },
    });
    return new Firewall(tables, space.sets(), services, SETTINGS, shippedTemplate(), {
      before,
      doors: NO_RULES.doors,
    });
  };

  describe(`rules on trial, in the kernel, on ${backend}`, () => {
    it('stand beside those of before, are verified and repaired, and time out port by port', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const old = space.firewall(backend, [SERVICE]);
      await old.repair();
      const before = await saves();
      const trial = onTrial(space, [MOVED, WEB], old.version);
      assert.deepEqual([...trial.names].sort(), ['ssh', 'web']);
      await trial.prepare();
      await trial.trial?.reset();
      assert.equal(await trial.trial?.left(), undefined, 'nothing is timed yet');
      await trial.feed(30);
      await trial.repair();
      assert.equal(await allInForce(trial), true);
      assert.deepEqual(await trial.repair(), []);
      for (const [index, save] of (await saves()).entries()) {
        const chains = (text = ''): string[] => text.split('\n').filter((line) => /^-A ssh_\w+ /.test(line));
        assert.deepEqual(chains(save), chains(before[index]), 'the chains of before are as they were');
        assert.equal(
          save.match(/knockctl:ssh" -m set --match-set ssh_trial dst -j ssh_policy\.new/g)?.length,
          1,
        );
        assert.equal(
          save.match(/knockctl:ssh" -m set ! --match-set ssh_trial dst -j ssh_policy$/gm)?.length,
          1,
        );
        assert.equal(
          save.match(/knockctl:web" -m set --match-set ssh_trial dst -j web_policy\.new/g)?.length,
          1,
        );
      }
      // Both versions' ports are fed: that the switch trips is no part of a trial.
      const alive = await space.must('ipset save ssh_alive');
      for (const port of [22, 2222]) assert.match(alive, new RegExp(`^add ssh_alive ${port} `, 'm'));
      await trial.trial?.begin(2);
      assert.match(
        await space.must('ipset save ssh_trial'),
        /22 timeout [12]\n[^]*80 timeout [12]\n[^]*2222 timeout [12]\n/,
      );
      for (const family of FAMILIES) {
        await space.iptables(backend, family, '-F ssh_policy.new');
        await space.iptables(backend, family, '-D INPUT 1');
      }
      assert.equal(await allInForce(trial), false);
      assert.ok((await trial.repair()).length >= 4);
      assert.equal(await allInForce(trial), true);
      await sleep(2_100);
      assert.equal(await trial.trial?.left(), undefined);

      // What another life makes of it that knows the old version only, by the note of what there is.
      const next = space.firewall(backend, [SERVICE]);
      assert.deepEqual(
        (await next.ruleStatus()).map(({ jump, met, chains }) => [jump, met, chains]),
        [
          [false, true, true],
          [false, true, true],
        ],
      );
      next.recordOrphans(trial.trial?.chains ?? [], ['web']);
      await next.repair();
      assert.deepEqual(await saves(), before);
      assert.doesNotMatch(await space.must('ipset list -n'), /trial|\.new|web/);
      assert.deepEqual(await next.repair(), []);
    });

    it('confirmed, become the only ones; a service that went is gone', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const untouched = await saves();
      const old = space.firewall(backend, [WEB]);
      await old.repair();
      const trial = onTrial(space, [MOVED], old.version);
      await trial.prepare();
      await trial.repair();
      await trial.trial?.begin(1);
      await trial.trial?.keep();
      assert.equal(await trial.trial?.left(), 0, 'for ever');
      await sleep(1_100);
      assert.equal(await trial.trial?.left(), 0);
      trial.endTrial();
      await trial.repair();
      const plain = await saves();
      assert.deepEqual(await trial.repair(), []);
      assert.doesNotMatch(await space.must('ipset list -n'), /trial|\.new|web/);
      await trial.remove();
      await space.firewall(backend, [MOVED]).repair();
      assert.deepEqual(await saves(), plain, 'as if they had never been on trial');
      await space.firewall(backend, [MOVED]).remove();
      assert.deepEqual(await saves(), untouched);
    });

    it('of a first start meet no packet before they are begun, and go without a trace', async () => {
      await using space = new KernelSpace();
      const saves = await withForeign(space, backend);
      const untouched = await saves();
      const first = onTrial(space, [SERVICE, WEB]);
      await first.prepare();
      await first.trial?.reset();
      await first.repair();
      for (const save of await saves()) {
        const jumps = save.split('\n').filter((line) => /knockctl:(?:ssh|web)"/.test(line));
        assert.equal(jumps.length, 2);
        for (const jump of jumps) assert.match(jump, /--match-set ssh_trial dst -j \w+_policy\.new$/);
      }
      await first.trial?.begin(30);
      assert.deepEqual(await first.remove(), []);
      assert.deepEqual(await saves(), untouched);
      assert.equal(await space.must('ipset list -n'), '');
    });

    it('have a trusted list of their own, with those who are trusted by hand', async () => {
      await using space = new KernelSpace();
      const old = space.firewall(backend, [SERVICE]);
      await old.repair();
      await old.sets.add('ssh', 'trusted', [
        { network: address('192.0.2.1'), timeoutS: 0, origin: 'file' },
        { network: address('2001:db8::1'), timeoutS: 0, origin: 'cli' },
      ]);
      const trial = onTrial(space, [SERVICE], old.version);
      await trial.prepare();
      await trial.trial?.reset();
      await trial.trial?.copyTrusted((origin) => origin === 'file');
      const texts = async (name: string): Promise<string[]> =>
        (await trial.sets.entries(name, 'trusted')).map((entry) => entry.network.text);
      assert.deepEqual(await texts('ssh.new'), ['2001:db8::1']);
      assert.deepEqual(await texts('ssh'), ['192.0.2.1', '2001:db8::1']);
      await trial.repair();
      assert.match(
        await space.save(backend, 4),
        /-A ssh_trusted\.new -m set --match-set ssh\.new_trusted4 src -j ACCEPT/,
      );
    });
  });
}
