import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const MODULE = new URL('../../src/system/session.js', import.meta.url).href;
const ASK = `import(${JSON.stringify(MODULE)}).then((m) => process.stdout.write(JSON.stringify(m.sshSession() ?? null)))`;

function ask(prefix: readonly string[], env: Record<string, string>): unknown {
  const argv = [...prefix, process.execPath, '-e', ASK];
  const options = { env: { PATH: '/usr/bin:/bin', ...env }, encoding: 'utf8' } as const;
  return JSON.parse(spawnSync(argv[0] ?? '', argv.slice(1), options).stdout);
}

test('the session of the caller: from the environment, or from an ancestor’s where sudo dropped it', () => {
  const connection = { SSH_CONNECTION: '192.0.2.9 50000 198.51.100.1 22' };
  const session = { peer: '192.0.2.9', port: 22, host: '198.51.100.1' };
  assert.deepEqual(ask([], connection), session);
  // As under sudo: the shell has it, the program that it runs has not.
  const dropped = ['/bin/sh', '-c', 'env -i "$@"; exit $?', 'sh'];
  assert.deepEqual(ask(dropped, connection), session);
  const local = ask([], { SSH_CONNECTION: 'fe80::1%eth0 1 fe80::2%eth0 2222' });
  assert.deepEqual(local, { peer: 'fe80::1', port: 2222, host: 'fe80::2%eth0' });
});
