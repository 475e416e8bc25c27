/** Words that people try, and what they are told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DONE, run } from '../fixture.js';

describe('a word that is no command', () => {
  for (const [word, hint] of [
    ['undrop', 'knockctl flush ADDR'],
    ['unban', 'knockctl flush ADDR'],
    ['ban', 'knockctl drop ADDR'],
    ['allow', 'knockctl accept ADDR lets in for a time, knockctl trust ADDR for good'],
    ['log', 'knockctl events'],
    ['ls', 'knockctl list'],
    ['stats', 'did you mean status?'],
  ] as const) {
    it(`${word}: ${hint}`, async () => {
      const { code, err } = await run([word, '192.0.2.1']);
      assert.equal(code, 64);
      const [first = ''] = err.split('\n');
      assert.ok(first.startsWith(`error: unknown command '${word}'`), first);
      assert.ok(first.includes(hint), first);
    });
  }

  it('names every command that it hints at', async () => {
    const { out } = await run(['--help']);
    for (const word of ['unban', 'ban', 'allow', 'close', 'log', 'ls', 'test', 'validate']) {
      const { err } = await run([word]);
      for (const [, command = ''] of err.split('(knockctl')[0]?.matchAll(/knockctl (\w+)/g) ?? [])
        assert.match(out, new RegExp(`^  ${command}\\b`, 'm'), `${word}: ${command}`);
    }
  });

  it('gets no hint where none is right', async () => {
    assert.match((await run(['xyzzy'])).err, /^error: unknown command 'xyzzy'\n/);
    assert.match((await run(['constructor'])).err, /^error: unknown command 'constructor'\n/);
  });
});

describe('list accepted', () => {
  it('is list filter', async () => {
    const frames = [{ type: 'reply', reply: { ...DONE, data: [] } }] as const;
    const { asked } = await run(['list', 'accepted'], { frames });
    assert.deepEqual(asked, [{ verb: 'list', list: 'filter' }]);
  });
});

describe('bad lines of --file', () => {
  const FILES = {
    '/f': '192.0.2.1\n192.0.2.300 # typo\n\nhome.example.org\n',
    '-': 'x x\n',
    '/many': Array.from({ length: 30 }, (_, index) => `bad${index}!`).join('\n'),
  };

  it('are told with their number, all at once, and nothing is asked', async () => {
    const asked = run(['drop', '--file', '/f', '-'], { files: FILES });
    await assert.rejects(asked, (error: Error) => {
      assert.match(error.message, /^standard input:1: "x x"/);
      assert.match(error.message, /^\/f:2: "192\.0\.2\.300" is not /m);
      assert.match(error.message, /^\/f:4: "home\.example\.org" is not /m);
      assert.equal(error.message.split('\n').length, 3);
      return true;
    });
  });

  it('are those that the command cannot take: host names are for trust, lists for flush', async () => {
    const files = { '/f': 'home.example.org\n', '/l': 'accepted\nall\n192.0.2.1\n' };
    assert.equal((await run(['trust', '--file', '/f'], { files })).code, 0);
    assert.equal((await run(['flush', '--file', '/l'], { files })).code, 0);
    await assert.rejects(run(['flush', '--file', '/f'], { files }), /^KnockError: \/f:1: /);
    await assert.rejects(run(['drop', '--file', '/l'], { files }), /^KnockError: \/l:1: .*\n\/l:2: /);
  });

  it('are counted where they are many', async () => {
    await assert.rejects(run(['drop', '--file', '/many'], { files: FILES }), (error: Error) => {
      assert.equal(error.message.split('\n').length, 21);
      assert.match(error.message, /… and 10 more$/);
      return true;
    });
  });
});
