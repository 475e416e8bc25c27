/** IPv4-mapped addresses that somebody has put into an IPv6 set by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { VerbStand } from '../../helpers/verb-context.js';
import { ask, refuses, texts } from './ask.js';

const MAPPED = '::ffff:192.0.2.1';

async function put(stand: VerbStand, list: string, address: string): Promise<void> {
  await stand.space.must(`ipset add ssh_${list} ${address}`);
}

// Each red where what the kernel has is read by parseNetwork.
describe('an IPv4-mapped address in an IPv6 set', () => {
  it('is listed as the kernel has it', async () => {
    await using stand = await new VerbStand().build();
    await put(stand, 'banned6', MAPPED);
    await put(stand, 'banned6', '::ffff:198.51.100.0/120');
    await put(stand, 'banned4', '192.0.2.1');
    const reply = await ask(stand, { verb: 'list', list: 'banned' });
    assert.deepEqual(
      (reply.data as readonly { readonly address: string }[]).map(({ address }) => address).sort(),
      ['192.0.2.1', MAPPED, '::ffff:198.51.100.0/120'],
    );
  });

  it('is flushed by what list shows; so is the IPv4 address, and either alone', async () => {
    await using stand = await new VerbStand().build();
    for (const [lists, results] of [
      [['banned6'], [`${MAPPED} flushed from banned`]],
      [['filter6'], [`${MAPPED} flushed from filter`]],
      [['filter4'], ['192.0.2.1 flushed from filter']],
      [
        ['filter4', 'banned6'],
        ['192.0.2.1 flushed from filter', `${MAPPED} flushed from banned`],
      ],
    ] as const) {
      for (const list of lists) await put(stand, list, list.endsWith('4') ? '192.0.2.1' : MAPPED);
      const reply = await ask(stand, { verb: 'flush', targets: [MAPPED] });
      assert.deepEqual(texts(reply, 'error'), []);
      assert.deepEqual(texts(reply, 'result'), results);
      for (const list of ['filter', 'banned'] as const) assert.deepEqual(await stand.list('ssh', list), []);
    }
    await refuses(
      stand,
      { verb: 'flush', targets: [MAPPED] },
      /^192\.0\.2\.1 is in neither filter nor banned$/,
    );
    await put(stand, 'banned6', '::ffff:198.51.100.0/120');
    const network = await ask(stand, { verb: 'flush', targets: ['::ffff:198.51.100.0/120'] });
    assert.deepEqual(texts(network, 'result'), ['::ffff:198.51.100.0/120 flushed from banned']);
  });

  it('is flushed among many, and told where a network still covers it', async () => {
    await using stand = await new VerbStand().build();
    await put(stand, 'banned6', MAPPED);
    const others = Array.from({ length: 50 }, (_, index) => `198.51.100.${index}`);
    await ask(stand, { verb: 'drop', targets: others });
    const reply = await ask(stand, { verb: 'flush', targets: [...others, MAPPED] });
    assert.deepEqual(texts(reply, 'error'), []);
    assert.deepEqual(await stand.list('ssh', 'banned'), []);
    await put(stand, 'banned6', '::ffff:192.0.2.0/120');
    await refuses(
      stand,
      { verb: 'flush', targets: [MAPPED] },
      /^::ffff:192\.0\.2\.1 is still covered by a network in banned/,
    );
    // As an IPv4 address it is not in that network.
    await ask(stand, { verb: 'drop', targets: ['192.0.2.1'] });
    const four = await ask(stand, { verb: 'flush', targets: [MAPPED] });
    assert.deepEqual(texts(four, 'result'), ['192.0.2.1 flushed from banned']);
  });

  it('is untrusted by what list shows', async () => {
    await using stand = await new VerbStand().build();
    await put(stand, 'trusted6', MAPPED);
    assert.deepEqual(await stand.list('ssh', 'trusted'), [`${MAPPED} by `]);
    const reply = await ask(stand, { verb: 'untrust', targets: [MAPPED] });
    assert.deepEqual(texts(reply, 'error'), []);
    assert.deepEqual(await stand.list('ssh', 'trusted'), []);
    await refuses(stand, { verb: 'untrust', targets: [MAPPED] }, /192\.0\.2\.1 is not trusted/);
  });

  it('is not what accept, drop and trust make of it', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'drop', targets: [MAPPED] });
    assert.deepEqual(await stand.list('ssh', 'banned'), ['192.0.2.1 by cli']);
  });
});
