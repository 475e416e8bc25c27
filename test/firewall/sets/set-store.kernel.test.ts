import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseNetwork, type Network } from '../../../src/base/address.js';
import { EXIT, KnockError } from '../../../src/base/errors.js';
import type { SetStore } from '../../../src/firewall/sets/set-store.js';
import { serviceSets, type Entry } from '../../../src/firewall/sets/set-specs.js';
import { KernelSpace, SERVICE } from '../../helpers/kernel-space.js';
import { waitFor } from '../../helpers/wait.js';

function network(text: string): Network {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

const entry = (text: string, timeoutS = 0, origin = 'cli'): Entry => ({
  network: network(text),
  timeoutS,
  origin,
});

const shown = (entries: readonly Entry[]): string[] =>
  entries.map((one) => `${one.network.text} ${one.timeoutS === 0 ? 'ever' : 'timed'} ${one.origin}`).sort();

async function refusal(promise: Promise<unknown>): Promise<KnockError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof KnockError);
  return error;
}

async function withSets(test: (sets: SetStore, space: KernelSpace) => Promise<void>): Promise<void> {
  await using space = new KernelSpace();
  const sets = space.sets();
  await sets.ensure('ssh');
  await test(sets, space);
}

describe('the set store, in the kernel', () => {
  it('makes what is missing, once, and keeps entries', async () => {
    await withSets(async (sets, space) => {
      assert.deepEqual(await sets.faults(serviceSets('ssh')), []);
      await sets.add('ssh', 'filter', [entry('192.0.2.1', 100), entry('2001:db8::/33', 0, 'door x')]);
      const before = await space.must('ipset list -t');
      await sets.ensure('ssh');
      assert.equal(await space.must('ipset list -t'), before);
      assert.deepEqual(shown(await sets.entries('ssh', 'filter')), [
        '192.0.2.1 timed cli',
        '2001:db8::/33 ever door x',
      ]);
      await space.must('ipset destroy ssh_banned6');
      assert.deepEqual(await sets.faults(serviceSets('ssh')), ['set ssh_banned6 is missing']);
      await sets.ensure('ssh');
      assert.deepEqual(await sets.faults(serviceSets('ssh')), []);
      assert.equal((await sets.entries('ssh', 'filter')).length, 2);
    });
  });

  it('replaces a set of another kind, but not one that is in use', async () => {
    await withSets(async (sets, space) => {
      await space.must('ipset destroy ssh_filter4');
      await space.must('ipset create ssh_filter4 hash:ip');
      assert.match(
        (await sets.faults(serviceSets('ssh')))[0] ?? '',
        /^set ssh_filter4 is of another kind: hash:ip /,
      );
      await sets.ensure('ssh');
      assert.deepEqual(await sets.faults(serviceSets('ssh')), []);
      await space.must('ipset destroy ssh_filter4');
      await space.must('ipset create ssh_filter4 hash:ip');
      await space.iptables('nft', 4, '-A FORWARD -m set --match-set ssh_filter4 src -j ACCEPT');
      const error = await refusal(sets.ensure('ssh'));
      assert.equal(error.exitCode, EXIT.firewall);
      assert.match(error.message, /^set ssh_filter4 exists, is of another kind .* and is in use$/);
    });
  });

  it('renews an entry: a longer time, a shorter one, and for ever', async () => {
    await withSets(async (sets) => {
      const left = async (): Promise<number | undefined> =>
        (await sets.entries('ssh', 'banned'))[0]?.timeoutS;
      for (const [given, low, high] of [
        [100, 98, 100] as const,
        [5000, 4998, 5000] as const,
        [10, 8, 10] as const,
      ]) {
        await sets.add('ssh', 'banned', [entry('192.0.2.1', given)]);
        const now = (await left()) ?? -1;
        assert.ok(now >= low && now <= high, String(now));
      }
      await sets.add('ssh', 'banned', [entry('192.0.2.1', 0)]);
      assert.equal(await left(), 0);
      await sets.add('ssh', 'banned', [entry('192.0.2.1', 2_147_483)]);
      assert.ok(((await left()) ?? 0) > 2_147_480);
    });
  });

  it('takes out, and does not mind what is not in', async () => {
    await withSets(async (sets) => {
      await sets.add('ssh', 'banned', [entry('192.0.2.1'), entry('2001:db8::1')]);
      await sets.remove('ssh', 'banned', [
        network('192.0.2.1'),
        network('192.0.2.2'),
        network('2001:db8::1'),
      ]);
      assert.deepEqual(await sets.entries('ssh', 'banned'), []);
      await sets.add('ssh', 'banned', [entry('192.0.2.1'), entry('2001:db8::1')]);
      await sets.empty('ssh', 'banned');
      assert.deepEqual(await sets.entries('ssh', 'banned'), []);
    });
  });

  it('knows what covers an address', async () => {
    await withSets(async (sets) => {
      await sets.add('ssh', 'trusted', [entry('192.0.2.0/24'), entry('2001:db8::1')]);
      const covered = async (text: string): Promise<boolean> => sets.covers('ssh', 'trusted', network(text));
      assert.deepEqual(
        await Promise.all(
          ['192.0.2.7', '192.0.3.7', '192.0.2.0/24', '2001:db8::1', '2001:db8::2'].map(covered),
        ),
        [true, false, true, true, false],
      );
    });
  });

  it('takes 100,000 as one batch', async () => {
    await withSets(async (sets) => {
      const many = Array.from({ length: 100_000 }, (_, at) =>
        entry(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`),
      );
      await sets.add('ssh', 'banned', many);
      assert.equal((await sets.headers()).get('ssh_banned4')?.entries, 100_000);
      await sets.remove(
        'ssh',
        'banned',
        many.slice(1).map((one) => one.network),
      );
      assert.deepEqual(shown(await sets.entries('ssh', 'banned')), ['10.0.0.0 ever cli']);
    });
  });

  it('feeds the switch, tells what is left of it, trips it', async () => {
    await withSets(async (sets, space) => {
      const service = { ...SERVICE, ports: [22, 2222] };
      assert.equal(await sets.ports.secondsToTrip(service), undefined);
      await sets.ports.feed(service, 30);
      const left = (await sets.ports.secondsToTrip(service)) ?? 0;
      assert.ok(left >= 28 && left <= 30, String(left));
      await space.must('ipset del ssh_alive 22');
      assert.equal(await sets.ports.secondsToTrip(service), undefined, 'one port that is not fed is enough');
      await sets.ports.feed(service, 1);
      await waitFor(
        async () => (await sets.ports.secondsToTrip(service)) === undefined,
        'the switch to trip by itself',
      );
      await sets.ports.feed(service, 30);
      await sets.ports.trip('ssh');
      assert.equal(await sets.ports.secondsToTrip(service), undefined);
    });
  });

  it('takes out what nobody names, and tells what stays', async () => {
    await withSets(async (sets, space) => {
      await space.must('ipset create ssh_mine hash:ip');
      await space.must('ipset create sshd_filter4 hash:ip');
      await space.iptables('nft', 4, '-A FORWARD -m set --match-set ssh_filter4 src -j ACCEPT');
      assert.deepEqual(await sets.destroy('ssh'), [
        'set ssh_filter4 was not destroyed: rules still reference it (1)',
      ]);
      const names = (await space.must('ipset list -n')).trim().split('\n').sort();
      assert.deepEqual(names, ['ssh_filter4', 'ssh_mine', 'sshd_filter4'], 'sets of others stay');
    });
  });

  it('says what the kernel’s refusals mean', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    const missing = await refusal(sets.add('ssh', 'filter', [entry('192.0.2.1')]));
    assert.match(missing.message, /^the sets of this service do not exist/);
    assert.equal(missing.exitCode, EXIT.firewall);
    await space.must('ipset create ssh_filter4 hash:net maxelem 2 timeout 0 comment bucketsize 2');
    const batch = Array.from({ length: 200 }, (_, index) => entry(`192.0.2.${index}`));
    const full = await refusal(sets.add('ssh', 'filter', batch));
    assert.equal(full.message, 'the list is full (ssh_filter4); not everything was added');
    assert.equal(full.exitCode, EXIT.firewall);
    const one = await refusal(
      sets.add('ssh', 'filter', [entry('192.0.3.1'), entry('192.0.3.2'), entry('192.0.3.3')]),
    );
    assert.equal(one.message, 'the list is full (ssh_filter4); not everything was added');
  });
});
