import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { VerbStand } from '../../helpers/verb-context.js';
import { ask, DOOR, refuses, texts } from './ask.js';

describe('drop', () => {
  it('bans at every service, for the time of each, and takes out of filter', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'accept', targets: ['192.0.2.1'] });
    const reply = await ask(stand, { verb: 'drop', targets: ['192.0.2.1'] });
    assert.deepEqual(texts(reply, 'result'), ['192.0.2.1 banned for ever']);
    assert.deepEqual(await stand.list('ssh', 'banned'), ['192.0.2.1 by cli']);
    assert.deepEqual(await stand.list('web', 'banned'), ['192.0.2.1 by cli for 600']);
    assert.deepEqual(await stand.list('ssh', 'filter'), []);
  });

  it('refuses the trusted, however they overlap, and the caller’s own session, without --force', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'trust', targets: ['198.51.100.0/24', '2001:db8::1'] });
    for (const target of ['198.51.100.7', '198.51.100.0/24', '198.51.0.0/16', '2001:db8::/32']) {
      await refuses(stand, { verb: 'drop', targets: ['192.0.2.9', target] }, /is trusted \(.*by cli\)/);
    }
    const session = '192.0.2.7';
    await refuses(
      stand,
      { verb: 'drop', targets: ['192.0.2.0/24'], session },
      /would ban your own SSH session/,
    );
    await refuses(
      stand,
      { verb: 'drop', targets: ['192.0.2.7'], session: '::ffff:192.0.2.7' },
      /your own SSH session/,
    );
    const forced = await ask(stand, {
      verb: 'drop',
      targets: ['192.0.2.0/24', '198.51.100.7'],
      session,
      force: true,
    });
    assert.equal(forced.exitCode, 0);
    assert.deepEqual(await stand.list('ssh', 'banned'), ['192.0.2.0/24 by cli', '198.51.100.7 by cli']);
  });

  it('by a door never bans the trusted, not even by force: packets can be forged', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'trust', targets: ['198.51.100.0/24'] });
    await refuses(
      stand,
      { verb: 'drop', targets: ['198.51.100.7'], force: true },
      /^198\.51\.100\.7 is trusted$/,
      DOOR,
    );
    const reply = await ask(stand, { verb: 'drop', targets: ['203.0.113.5'], timeoutS: 60 }, DOOR);
    assert.equal(reply.exitCode, 0);
    assert.deepEqual(await stand.list('web', 'decoyed'), ['203.0.113.5 by door openSSH for 60']);
  });
});
