import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { KNOCKCTL } from '../helpers/product.js';
import { AS_NOBODY } from '../helpers/nobody.js';
import { ssh, stage } from './setting.js';

test('--json: every command prints one JSON document, whether it succeeds or fails', async () => {
  await using scene = await stage('nft');
  const { lab, product } = scene;
  const check = async (
    code: number,
    args: readonly string[],
    prefix: readonly string[] = [],
  ): Promise<void> => {
    const argv = [process.execPath, KNOCKCTL, '-c', product.paths.conf, '--json', ...args];
    const done = await lab.exec('server', [...prefix, ...argv]);
    const said = `${args.join(' ')}: ${done.stdout}${done.stderr}`;
    assert.equal(done.exitCode, code, said);
    assert.match(done.stdout, /^[^\n]+\n$/, `one line: ${said}`);
    const document: unknown = JSON.parse(done.stdout);
    assert.ok(typeof document === 'object' && document !== null, said);
    // A list is an array, and status tells its code by its exit status; all else names its exit code.
    if ('exitCode' in document) assert.equal(document.exitCode, code, said);
    else assert.ok(args[0] === 'list' || args[0] === 'status' || args[0] === 'check', said);
    if (code !== 0 && args[0] !== 'status')
      assert.ok('errors' in document && Array.isArray(document.errors), said);
  };
  const address = '192.0.2.1';

  for (const [code, ...args] of [
    [0, 'check'],
    [3, 'status'],
    [0, 'stop'],
    [0, 'condrestart'],
    [0, 'restartifdead'],
    [1, 'reload'],
    [1, 'events'],
    [69, 'accept', address],
    [0, 'setup'],
    [0, 'accept', address],
    [0, 'list'],
    [0, 'start'],
    [0, 'start'],
    [0, 'status'],
    [0, 'accept', address, '--timeout', '9'],
    [0, 'drop', address],
    [0, 'flush', address],
    [1, 'flush', address],
    [0, 'trust', address],
    [0, 'untrust', address],
    [1, 'untrust', address],
    [0, 'flush', 'all'],
    [0, 'list', 'banned'],
    [0, 'reload'],
    [0, 'restart'],
    [0, 'condrestart'],
    [0, 'restartifdead'],
    [75, 'setup'],
    [1, 'accept', 'localhost'],
    [1, 'drop', '1.2.3'],
    [1, 'accept', '--file', '/does/not/exist'],
    [64, 'accept'],
    [64, 'list', 'nobody'],
    [64, 'frobnicate'],
    [64, 'start', '--now'],
    [64, 'drop', address, '--timeout', 'x'],
  ] as const) {
    await check(code, args);
  }
  await check(77, ['status'], AS_NOBODY);
  writeFileSync(product.paths.conf, `${ssh('nft')}[nonsense]\n`);
  for (const verb of ['check', 'start', 'restart']) await check(78, [verb]);
});
