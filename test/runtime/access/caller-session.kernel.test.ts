import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ServiceSettings } from '../../../src/config/settings.js';
import { admitCallerSession } from '../../../src/runtime/access/caller-session.js';
import { network, SSH, VerbStand, WEB } from '../../helpers/verb-context.js';

const PEER = '192.0.2.9';
const SERVICES: readonly ServiceSettings[] = [
  SSH,
  { ...WEB, chain: 'FORWARD' },
  { ...WEB, name: 'dns', ports: [53], protocol: 'udp' },
];

describe('the caller’s own session', () => {
  it('is looked after at the service that it came in by, and at no other', async () => {
    await using stand = await new VerbStand(SERVICES).build();
    const look = async (
      session: string | undefined,
      port: number | undefined,
      trialS?: number,
    ): Promise<string[]> => admitCallerSession(stand.context, { session, port }, trialS);
    assert.deepEqual(await look(undefined, 22), []);
    assert.deepEqual(await look('nonsense', 22), []);
    assert.deepEqual(await look(PEER, 2222), []);
    assert.deepEqual(await look(PEER, 80), [], 'behind this host');
    assert.deepEqual(await look(PEER, 53), [], 'udp');
    for (const port of [22, undefined]) {
      const [warning, ...more] = await look(PEER, port);
      assert.match(
        warning ?? '',
        /^your own SSH session comes from 192\.0\.2\.9, which could not connect to ssh any more: knockctl trust/,
      );
      assert.deepEqual(more, []);
    }
    assert.deepEqual(await stand.list('ssh', 'filter'), []);
    assert.equal(stand.recorded.length, 2, 'the log has it too');
    assert.match(
      (await look(PEER, 22, 60))[0] ?? '',
      /let in for the 60 s of the trial; before you confirm, knockctl trust/,
    );
    assert.deepEqual(await stand.list('ssh', 'filter'), [`${PEER} by trial for 60`]);
    assert.deepEqual(await look(PEER, 22, 60), [], 'accepted');
    await stand.context.sets.add('ssh', 'trusted', [
      { network: network('2001:db8::/32'), timeoutS: 0, origin: 'file' },
    ]);
    assert.deepEqual(await look('2001:db8::7', 22), [], 'trusted');
    await stand.context.sets.add('ssh', 'banned', [{ network: network(PEER), timeoutS: 0, origin: 'cli' }]);
    assert.match((await look(PEER, 22, 60))[0] ?? '', /for it is banned: knockctl flush 192\.0\.2\.9/);
  });

  it('on trial, is held against the trusted of the new version', async () => {
    await using stand = await new VerbStand([SSH]).build();
    const context = { ...stand.context, trustedNames: () => ['ssh.new', 'ssh'] };
    for (const { name, create } of [
      { name: 'ssh.new_trusted4', create: 'hash:net family inet timeout 0 comment' },
    ]) {
      await stand.space.must(`ipset create ${name} ${create}`);
    }
    await context.sets.add('ssh', 'trusted', [{ network: network(PEER), timeoutS: 0, origin: 'file' }]);
    assert.equal((await admitCallerSession(context, { session: PEER })).length, 1);
    await context.sets.add('ssh.new', 'trusted', [{ network: network(PEER), timeoutS: 0, origin: 'file' }]);
    assert.deepEqual(await admitCallerSession(context, { session: PEER }), []);
  });
});
