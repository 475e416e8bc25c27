import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { dispatch } from '../../../src/runtime/access/dispatch.js';
import { SSH, VerbStand } from '../../helpers/verb-context.js';
import { ADMIN, ask, DOOR, refuses, texts } from './ask.js';

describe('accept', () => {
  it('lets addresses in at one service, for its time or the one given', async () => {
    await using stand = await new VerbStand().build();
    const reply = await ask(stand, { verb: 'accept', targets: ['192.0.2.1', '2001:DB8::1', '192.0.2.1'] });
    assert.deepEqual(reply, {
      exitCode: 0,
      remarks: [{ level: 'result', text: '2 addresses accepted at ssh for 300 s' }],
      data: { verb: 'accept', service: 'ssh', addresses: ['192.0.2.1', '2001:db8::1'], timeout: 300 },
    });
    assert.deepEqual(await stand.list('ssh', 'filter'), [
      '192.0.2.1 by cli for 300',
      '2001:db8::1 by cli for 300',
    ]);
    await ask(stand, { verb: 'accept', targets: ['192.0.2.1'], timeoutS: 50, service: 'web' }, DOOR);
    assert.deepEqual(await stand.list('web', 'filter'), ['192.0.2.1 by door openSSH for 50']);
    await ask(stand, { verb: 'accept', targets: ['192.0.2.1'], timeoutS: 0 });
    assert.deepEqual((await stand.list('ssh', 'granted'))[0], '192.0.2.1 by cli');
    assert.deepEqual(stand.recorded, [
      'accept: 2 addresses accepted at ssh for 300 s',
      'accept: 192.0.2.1 accepted at web for 50 s',
      'accept: 192.0.2.1 accepted at ssh for ever',
    ]);
  });

  it('refuses the whole of what has one wrong target, and says all that is wrong', async () => {
    await using stand = await new VerbStand().build();
    const targets = [
      '192.0.2.1',
      'localhost',
      '1.1.1.1\nflush x',
      'fe80::1%eth0',
      '-j',
      '10.0.0.0/7',
      '2001::/31',
      '0.0.0.0/0',
    ];
    const reply = await ask(stand, { verb: 'accept', targets });
    assert.equal(texts(reply, 'error').length, 7);
    assert.deepEqual(await stand.list('ssh', 'filter'), []);
    await refuses(
      stand,
      { verb: 'accept', targets: ['192.0.2.1'], service: 'nope' },
      /there is no service "nope"; the services are: ssh, web/,
    );
    await refuses(stand, { verb: 'accept', targets: ['::/0'], force: true }, /ipset takes no \/0/);
    assert.deepEqual(stand.recorded, []);
    await ask(stand, { verb: 'accept', targets: ['10.0.0.0/7'], force: true });
    assert.deepEqual(await stand.list('ssh', 'filter'), ['10.0.0.0/7 by cli for 300']);
  });

  it('notes that a ban comes first', async () => {
    await using stand = await new VerbStand().build();
    await ask(stand, { verb: 'drop', targets: ['192.0.2.0/24'] });
    const reply = await ask(stand, { verb: 'accept', targets: ['192.0.2.1'] });
    assert.equal(reply.exitCode, 0);
    assert.match(texts(reply, 'note')[0] ?? '', /^192\.0\.2\.1 is banned/);
  });

  it('refuses a family that is off, and everything where there is no service', async () => {
    await using stand = await new VerbStand([]).build();
    for (const verb of ['accept', 'drop'] as const) {
      const reply = await ask(stand, { verb, targets: ['192.0.2.1'] });
      assert.match(texts(reply, 'error')[0] ?? '', /^there is no service to protect/);
      const both = await ask(stand, { verb, targets: ['999.1.1.1'] });
      assert.match(texts(both, 'error').join('\n'), /^"999.1.1.1" is not .*\nthere is no service to protect/);
    }
    await using four = await new VerbStand([SSH]).build();
    const context = { ...four.context, families: [4] as const };
    const reply = await dispatch(context, { verb: 'accept', targets: ['2001:db8::1'] }, ADMIN);
    assert.deepEqual(texts(reply, 'error'), ['2001:db8::1: IPv6 is not among [firewall] families']);
  });
});
