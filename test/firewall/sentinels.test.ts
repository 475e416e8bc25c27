import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseNetwork } from '../../src/base/address.js';
import type { Entry } from '../../src/firewall/sets.js';
import { KernelSpace } from '../helpers/kernel-space.js';

function entry(text: string): Entry {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok);
  return { network: parsed.value, timeoutS: 0, origin: 'cli' };
}

describe('the sentinels of lists that rules add to', () => {
  it('are there whatever is done with the list, and seen by nobody', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    sets.standGuard(new Set(['ssh_filter4']));
    await sets.ensure('ssh');
    const isThere = async (): Promise<boolean> =>
      (await space.must('ipset save ssh_filter4')).includes('255.255.255.255 timeout 0 nomatch');
    assert.equal(await isThere(), true, 'made with it');
    await sets.empty('ssh', 'filter');
    assert.equal(await isThere(), true, 'emptied');
    await space.must('ipset flush');
    await sets.add('ssh', 'filter', [entry('192.0.2.0/24')]);
    assert.equal(await isThere(), true, 'before a network is in it');
    await sets.refill('ssh_filter4', { count: 1, entries: () => [entry('192.0.2.7')] });
    assert.equal(await isThere(), true, 'refilled');
    assert.equal((await sets.headers()).get('ssh_filter4')?.entries, 1);
    assert.deepEqual(
      (await sets.entries('ssh', 'filter')).map(({ network }) => network.text),
      ['192.0.2.7'],
    );
    assert.doesNotMatch(await sets.dump('ssh_filter4'), /nomatch/);
    sets.standGuard(new Set());
    await sets.dropSentinels(['ssh']);
    assert.equal(await isThere(), false);
  });

  it('are done without in a list that is full', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    await space.must('ipset create ssh_filter4 hash:net maxelem 1 timeout 0 comment');
    await space.must('ipset add ssh_filter4 192.0.2.1');
    sets.standGuard(new Set(['ssh_filter4']));
    await sets.addSentinels();
    assert.equal(
      await space.must('ipset save ssh_filter4 -o plain').then((text) => text.includes('nomatch')),
      false,
    );
  });
});
