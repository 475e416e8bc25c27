import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { parseNetwork } from '../../../src/base/address.js';
import type { Entry } from '../../../src/firewall/sets/set-specs.js';
import { KernelSpace } from '../../helpers/kernel-space.js';

function entry(text: string): Entry {
  const parsed = parseNetwork(text);
  assert.ok(parsed.ok);
  return { network: parsed.value, timeoutS: 0, origin: 'cli' };
}

describe('the sentinels of lists that rules add to', () => {
  it('are there whatever is done with the list, and seen by nobody', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    sets.sentinels.guard(new Set(['ssh_filter4']));
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
    sets.sentinels.guard(new Set());
    await sets.sentinels.drop(['ssh']);
    assert.equal(await isThere(), false);
  });

  it('tell a list that somebody has emptied from one whose last entry a rule has taken out', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    const { sentinels } = sets;
    sentinels.guard(new Set(['ssh_filter4']));
    assert.equal(sentinels.emptied('ssh_banned4'), undefined, 'it has none to tell');
    await sets.ensure('ssh');
    await sentinels.look();
    await sets.add('ssh', 'filter', [entry('192.0.2.1')]);
    await space.must('ipset del ssh_filter4 192.0.2.1'); // as -j SET --del-set does
    await sentinels.look();
    assert.equal(sentinels.emptied('ssh_filter4'), false);
    // Whoever looks first finds out, and all else hear of it.
    const looks: readonly (() => Promise<unknown>)[] = [
      async () => sentinels.look(),
      async () => sets.add('ssh', 'filter', [entry('192.0.2.2')]),
      async () => sets.dump('ssh_filter4'),
    ];
    for (const look of looks) {
      await space.must('ipset flush');
      await look();
      assert.equal(sentinels.emptied('ssh_filter4'), true);
      await sentinels.look();
      assert.equal(sentinels.emptied('ssh_filter4'), true, 'until it is settled');
      sentinels.settled('ssh_filter4');
      assert.equal(sentinels.emptied('ssh_filter4'), false);
    }
  });

  it('are done without in a list that is full', async () => {
    await using space = new KernelSpace();
    const sets = space.sets();
    await space.must('ipset create ssh_filter4 hash:net maxelem 1 timeout 0 comment');
    await space.must('ipset add ssh_filter4 192.0.2.1');
    sets.sentinels.guard(new Set(['ssh_filter4']));
    await sets.sentinels.look();
    assert.equal(
      await space.must('ipset save ssh_filter4 -o plain').then((text) => text.includes('nomatch')),
      false,
    );
  });
});
