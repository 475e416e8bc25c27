import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { KnockError } from '../../../src/base/errors.js';
import { dispatch } from '../../../src/runtime/access/dispatch.js';
import { VerbStand } from '../../helpers/verb-context.js';
import { ADMIN, ask, refuses, texts } from './ask.js';

describe('trust and untrust', () => {
  it('whitelist addresses, networks and hosts at every service', async () => {
    await using stand = await new VerbStand().build();
    stand.hosts.set('home.test', ['198.51.100.7', '2001:db8::7']);
    const reply = await ask(stand, { verb: 'trust', targets: ['192.0.2.0/24', 'Home.Test'] });
    assert.deepEqual(texts(reply, 'result'), ['2 addresses trusted']);
    const expected = ['192.0.2.0/24 by cli', '198.51.100.7 by cli home.test', '2001:db8::7 by cli home.test'];
    assert.deepEqual(await stand.list('ssh', 'trusted'), expected);
    assert.deepEqual(await stand.list('web', 'trusted'), expected);
    const gone = await ask(stand, { verb: 'untrust', targets: ['home.test', '192.0.2.0/24'] });
    assert.equal(gone.exitCode, 0);
    assert.deepEqual(await stand.list('ssh', 'trusted'), []);
    await refuses(stand, { verb: 'untrust', targets: ['home.test'] }, /home\.test is not trusted/);
  });

  it('change nothing where one cannot be', async () => {
    await using stand = await new VerbStand().build();
    writeFileSync(stand.context.trustedFile, '# mine\n');
    for (const target of ['lost.test', '0.0.0.0/0', 'a b', '-x', '10.1', 'x'.repeat(300)]) {
      await refuses(stand, { verb: 'trust', targets: ['192.0.2.1', target], save: true }, /./);
    }
    assert.equal(readFileSync(stand.context.trustedFile, 'utf8'), '# mine\n');
    assert.deepEqual(stand.recorded, []);
  });

  it('--save edits the file, its comments and mode kept', async () => {
    await using stand = await new VerbStand().build();
    const file = stand.context.trustedFile;
    const before = '# who\n192.0.2.1   the office\n\n';
    writeFileSync(file, before);
    chmodSync(file, 0o640);
    stand.hosts.set('home.test', ['198.51.100.7']);
    const umask = process.umask(0o077);
    try {
      await ask(stand, { verb: 'trust', targets: ['home.test', '192.0.2.1'], save: true });
    } finally {
      process.umask(umask);
    }
    assert.equal(readFileSync(file, 'utf8'), `${before}home.test\n`);
    assert.equal(statSync(file).mode & 0o777, 0o640);
    await ask(stand, { verb: 'untrust', targets: ['home.test'], save: true });
    assert.equal(readFileSync(file, 'utf8'), before);
    assert.deepEqual(stand.forgotten.at(-1), ['home.test']);
  });

  it('--save that cannot write is an error, and nobody is trusted by it', async () => {
    await using stand = await new VerbStand().build();
    const context = { ...stand.context, trustedFile: '/proc/knockd.trusted' };
    await assert.rejects(
      dispatch(context, { verb: 'trust', targets: ['192.0.2.1'], save: true }, ADMIN),
      (error) => error instanceof KnockError && error.message.startsWith('cannot save /proc/knockd.trusted'),
    );
    assert.deepEqual(await stand.list('ssh', 'trusted'), []);
  });
});
