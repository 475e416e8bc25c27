import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { importing, nodeArgv } from '../helpers/node-child.js';
import { LabProcess } from '../helpers/processes.js';

/** Python gives its input a flag that it shares with whom it becomes. */
const NON_BLOCKING = `import fcntl, os, sys
fcntl.fcntl(0, fcntl.F_SETFL, fcntl.fcntl(0, fcntl.F_GETFL) | os.O_NONBLOCK)
os.execv(sys.argv[1], sys.argv[1:])`;

function start(code: string): LabProcess {
  return new LabProcess(['/usr/bin/python3', '-c', NON_BLOCKING, ...nodeArgv(code)]);
}

// With readFileSync(0) (run once, 2026-11-21): red, EAGAIN.
test('standard input is read to its end, however late it comes and in whatever parts', async () => {
  const code = `${importing('readStandardInput', 'system/stdin.js')}
    console.log('ready');
    const text = readStandardInput();
    console.log(text.length, text.slice(0, 5), text.slice(-5));`;
  const child = start(code);
  while (!child.stdout.includes('ready')) await sleep(10);
  await sleep(100);
  child.write('first');
  await sleep(100);
  child.write('ä'.repeat(200_000));
  child.end('last.');
  assert.equal(await child.closed, 0, child.stderr);
  assert.match(child.stdout, /200010 first last\./);
});

test('an empty one is empty', async () => {
  const code = `${importing('readStandardInput', 'system/stdin.js')} console.log([readStandardInput()]);`;
  const child = start(code);
  child.end('');
  assert.equal(await child.closed, 0, child.stderr);
  assert.equal(child.stdout, "[ '' ]\n");
});
