import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { Socket } from 'node:net';

import { READY_VARIABLE } from '../../src/system/notify.js';
import { importing, nodeArgv } from '../helpers/node-child.js';

const OUTCOME = "{ exitCode: 69, text: 'two\\nlines', hint: 'x', goesOn: false }";

/** Runs a text that has `notify` with a pipe on descriptor 3; what came by the pipe, and standard output. */
async function run(code: string, env: Readonly<Record<string, string>>): Promise<[string, string]> {
  const text = `${importing('readyNotifier, READY_VARIABLE', 'system/notify.js')}
    const notify = readyNotifier();\n${code}`;
  const [file = '', ...args] = nodeArgv(text);
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'], env });
  const pipe = child.stdio[3];
  assert.ok(pipe instanceof Socket);
  let [said, out] = ['', ''];
  pipe.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
  await once(child, 'close');
  return [said, out];
}

describe('the ready notifier', () => {
  it('tells once, as one JSON document, and closes', async () => {
    const code = `notify(${OUTCOME}); notify({ exitCode: 0, text: 'again', goesOn: true });
      console.log(process.env[READY_VARIABLE]);`;
    const [said, out] = await run(code, { [READY_VARIABLE]: '3' });
    assert.deepEqual(JSON.parse(said), { exitCode: 69, text: 'two\nlines', hint: 'x', goesOn: false });
    assert.equal(said.indexOf('\n'), said.length - 1);
    assert.equal(out, 'undefined\n', 'what is started later does not see the variable');
  });

  for (const value of [undefined, '', 'x', '1', '2', '-1', '3.5']) {
    it(`tells nobody where the variable is ${JSON.stringify(value)}`, async () => {
      const env = value === undefined ? {} : { [READY_VARIABLE]: value };
      const [said, out] = await run(`notify(${OUTCOME}); console.log('went on');`, env);
      assert.deepEqual([said, out], ['', 'went on\n']);
    });
  }

  it('does not mind that nobody waits any more', async () => {
    const code = `import { setTimeout } from 'node:timers/promises';
      import { readSync } from 'node:fs'; console.log('up'); await setTimeout(1); notify(${OUTCOME}); console.log('on');`;
    const text = `${importing('readyNotifier', 'system/notify.js')}\nconst notify = readyNotifier();\n${code}`;
    const [file = '', ...args] = nodeArgv(text);
    const env = { [READY_VARIABLE]: '3' };
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit', 'pipe'], env });
    const pipe = child.stdio[3];
    assert.ok(pipe instanceof Socket);
    pipe.destroy();
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const [exitCode] = (await once(child, 'close')) as [number];
    assert.deepEqual([exitCode, out], [0, 'up\non\n']);
  });
});
