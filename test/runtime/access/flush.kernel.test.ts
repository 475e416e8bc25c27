import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { EXIT } from '../../../src/base/errors.js';
import { VerbStand } from '../../helpers/verb-context.js';
import { ask, refuses, texts } from './ask.js';

describe('flush', () => {
  it('takes an address out of filter and banned of every service, and never out of trusted', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'trust', targets: ['192.0.2.1'] });
    await ask(stand, { verb: 'accept', targets: ['192.0.2.1'], service: 'web' });
    const reply = await ask(stand, { verb: 'flush', targets: ['192.0.2.1'] });
    assert.deepEqual(texts(reply, 'result'), ['192.0.2.1 flushed from filter']);
    assert.deepEqual(await stand.list('web', 'filter'), []);
    assert.deepEqual(await stand.list('web', 'trusted'), ['192.0.2.1 by cli']);
    await refuses(stand, { verb: 'flush', targets: ['192.0.2.1'] }, /is in neither filter nor banned/);
  });

  // Red where ipset alone is asked: it says "is NOT in set".
  it('takes out what list shows and ipset does not match: an exception that was put in by hand', async () => {
    await using stand = await new VerbStand().build();
    await stand.space.must('ipset add ssh_banned4 192.0.2.1 nomatch');
    await stand.space.must('ipset add ssh_banned6 2001:db8::/64 nomatch');
    assert.deepEqual(await stand.list('ssh', 'banned'), ['192.0.2.1 by ', '2001:db8::/64 by ']);
    const reply = await ask(stand, { verb: 'flush', targets: ['192.0.2.1', '2001:db8::/64'] });
    assert.deepEqual(texts(reply, 'error'), []);
    assert.deepEqual(await stand.list('ssh', 'banned'), []);
  });

  it('says which network still covers an address', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'drop', targets: ['192.0.2.0/24'] });
    await refuses(stand, { verb: 'flush', targets: ['192.0.2.1'] }, /still covered by a network in banned/);
  });

  it('empties lists by name', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'trust', targets: ['192.0.2.1'] });
    await ask(stand, { verb: 'accept', targets: ['192.0.2.2'] });
    await ask(stand, { verb: 'drop', targets: ['192.0.2.3'] });
    const reply = await ask(stand, { verb: 'flush', targets: ['banned'] });
    assert.deepEqual(texts(reply, 'result'), ['banned is empty: 1 entry removed']);
    assert.deepEqual(stand.forgotten, []);
    await ask(stand, { verb: 'flush', targets: ['all'] });
    for (const service of ['ssh', 'web']) {
      for (const list of ['filter', 'banned', 'trusted'] as const)
        assert.deepEqual(await stand.list(service, list), []);
    }
    assert.deepEqual(stand.forgotten, [undefined]);
    await refuses(
      stand,
      { verb: 'flush', targets: ['everything'] },
      /^"everything" is not an IPv4 or IPv6 address or network, nor one of filter, banned, trusted, all$/,
    );
    // Meant for an address.
    const wide = await ask(stand, { verb: 'flush', targets: ['192.0.2.1/33'] });
    assert.deepEqual(texts(wide, 'error'), [
      '"192.0.2.1/33": the prefix length must be a number from 0 to 32',
    ]);
  });

  it('takes many at once, and tells those that were in no list', async () => {
    await using stand = await new VerbStand().build();
    const targets = Array.from({ length: 100 }, (_, index) => `192.0.2.${index + 1}`);
    await ask(stand, { verb: 'drop', targets: targets.slice(0, 90) });
    const reply = await ask(stand, { verb: 'flush', targets });
    assert.equal(reply.exitCode, EXIT.refused);
    assert.deepEqual(
      texts(reply, 'error'),
      targets.slice(90).map((text) => `${text} is in neither filter nor banned`),
    );
    assert.deepEqual(await stand.list('ssh', 'banned'), []);
  });
});
