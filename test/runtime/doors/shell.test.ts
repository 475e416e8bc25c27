import assert from 'node:assert/strict';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { Shell } from '../../../src/runtime/doors/shell.js';
import { CHILD_ENV } from '../../../src/system/exec-env.js';
import { TempFolder } from '../../helpers/temp.js';
import { waitFor } from '../../helpers/wait.js';

describe('the shell of door commands', () => {
  it('is a shell, and tells how the line ended', async () => {
    const shell = new Shell();
    assert.deepEqual(await shell.run('true && exit 3'), { status: 3 });
    assert.deepEqual(await shell.run('true'), { status: 0 });
    assert.deepEqual(await shell.run('no-such-program'), { status: 127 });
    assert.deepEqual(await shell.run('kill -9 $$'), { status: 0, signal: 'SIGKILL' }, 'as knockd has it');
    assert.equal(shell.pending, 0);
  });

  it('gives 0, 1 and 2 only, our environment not at all, and the root folder', async () => {
    using folder = new TempFolder();
    const descriptor = openSync(folder.file('ours'), 'w');
    process.env['KNOCKCTL_SECRET'] = 'x';
    try {
      const out = folder.file('out');
      await new Shell().run(`{ ls -l /proc/$$/fd; pwd; env; } > ${out}`);
      const text = readFileSync(out, 'utf8');
      assert.ok(!text.includes(folder.file('ours')));
      for (const number of ['0', '1', '2'])
        assert.match(text, new RegExp(` ${number} -> /dev/null$|${out}`, 'm'));
      assert.doesNotMatch(text, /KNOCKCTL_SECRET/);
      assert.match(text, new RegExp(`^PATH=${CHILD_ENV.PATH}$`, 'm'));
      assert.match(text, /^\/$/m);
    } finally {
      Reflect.deleteProperty(process.env, 'KNOCKCTL_SECRET');
      closeSync(descriptor);
    }
  });

  it('runs lines beside each other, no more than 64, and drops what is too much', async () => {
    using folder = new TempFolder();
    const shell = new Shell();
    const go = folder.file('go');
    const line = `: > ${folder.path}/run.$$; until [ -e ${go} ]; do sleep 0.02; done`;
    const runs = Array.from({ length: 1200 }, async () => shell.run(line));
    const running = (): number => readdirSync(folder.path).filter((name) => name.startsWith('run.')).length;
    await waitFor(() => running() === 64, 'all places to be taken');
    assert.equal(shell.pending, 64 + 1000);
    writeFileSync(go, '');
    const results = await Promise.all(runs);
    assert.equal(results.filter((result) => 'dropped' in result).length, 1200 - 1064);
    assert.equal(results.filter((result) => 'status' in result && result.status === 0).length, 1064);
    assert.equal(running(), 1064);
    assert.equal(shell.pending, 0);
  });

  it('hands stop lines that wait over to processes that go on without it', async () => {
    using folder = new TempFolder();
    const shell = new Shell();
    const go = folder.file('go');
    const out = folder.file('out');
    const hang = `: > ${folder.path}/run.$$; until [ -e ${go} ]; do sleep 0.05; done`;
    const first = Array.from({ length: 64 }, async () => shell.run(hang, 'stop'));
    const running = (): number => readdirSync(folder.path).filter((name) => name.startsWith('run.')).length;
    await waitFor(() => running() === 64, 'all places to be taken');
    const lines = Array.from({ length: 200 }, (_, index) => `x='${index} $HOME'; echo "it's $x" >> ${out}`);
    const rest = lines.map(async (line) => shell.run(line, 'stop'));
    shell.handOver();
    assert.ok((await Promise.all(rest)).every((result) => 'status' in result && result.status === 0));
    const said = (): string[] => readFileSync(out, 'utf8').split('\n').slice(0, -1);
    await waitFor(() => existsSync(out) && said().length === 200, 'all of them, while the others hang');
    assert.deepEqual(said().sort(), lines.map((_, index) => `it's ${index} $HOME`).sort());
    writeFileSync(go, '');
    await Promise.all(first);
  });

  it('ends a job with its own process, whatever it left behind', async () => {
    using folder = new TempFolder();
    const pid = folder.file('pid');
    await new Shell().run(`sleep 600 & echo $! > ${pid}`);
    assert.ok(existsSync(pid));
    process.kill(Number(readFileSync(pid, 'utf8')), 'SIGKILL'); // throws where it is gone
  });

  it('stop commands have places of their own', async () => {
    using folder = new TempFolder();
    const shell = new Shell();
    const go = folder.file('go');
    const starts = Array.from({ length: 100 }, async () =>
      shell.run(`: > ${folder.path}/run.$$; until [ -e ${go} ]; do sleep 0.02; done`),
    );
    const running = (): number => readdirSync(folder.path).filter((name) => name.startsWith('run.')).length;
    await waitFor(() => running() === 64, 'all places to be taken');
    assert.deepEqual(await shell.run('exit 7', 'stop'), { status: 7 });
    assert.equal(shell.dropStarts(), 36);
    writeFileSync(go, '');
    const results = await Promise.all(starts);
    assert.equal(results.filter((result) => 'dropped' in result).length, 36);
  });
});
