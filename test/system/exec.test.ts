import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { CommandError, EXIT } from '../../src/base/errors.js';
import { CHILD_ENV } from '../../src/system/exec-env.js';
import { execOk, systemExec } from '../../src/system/exec.js';
import { identify } from '../../src/system/process.js';
import { TempFolder } from '../helpers/temp.js';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];

async function failureOf(promise: Promise<unknown>): Promise<CommandError> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof CommandError);
  assert.equal(error.exitCode, EXIT.firewall);
  return error;
}

describe('exec', () => {
  it('gives exit code, standard output and standard error as they are', async () => {
    const done = await systemExec(sh('printf "out\\n\\n"; printf err >&2; exit 3'));
    assert.deepEqual(done, { exitCode: 3, stdout: 'out\n\n', stderr: 'err' });
  });

  it('gives input, and an empty one where there is none', async () => {
    assert.equal((await systemExec(['/bin/cat'], { input: 'a\nb\n' })).stdout, 'a\nb\n');
    assert.equal((await systemExec(['/bin/cat'])).stdout, '');
  });

  it('gives input as a whole file: nobody meets a line that is cut off, whoever is killed meanwhile', async () => {
    const text = 'line\n'.repeat(200_000);
    const seen = await systemExec(
      ['/bin/sh', '-c', 'stat -L -c "%F %s %h" /proc/self/fd/0; tail -c 5; head -c 0'],
      { input: text },
    );
    assert.equal(seen.stdout, `regular file ${text.length} 0\nline\n`);
  });

  it('survives a program that does not read its input', async () => {
    const done = await systemExec(['/bin/true'], { input: 'x'.repeat(5_000_000) });
    assert.equal(done.exitCode, 0);
  });

  it('gives a minimal environment and the root folder, whatever ours are', async () => {
    process.env['KNOCKCTL_SECRET'] = 'x';
    try {
      const lines = (await systemExec(['/usr/bin/env'])).stdout.trim().split('\n').sort();
      assert.deepEqual(
        lines,
        Object.entries(CHILD_ENV)
          .map((pair) => pair.join('='))
          .sort(),
      );
    } finally {
      Reflect.deleteProperty(process.env, 'KNOCKCTL_SECRET');
    }
    assert.equal((await systemExec(['/bin/pwd'])).stdout, '/\n');
  });

  it('gives no descriptor of ours to the child', async () => {
    using folder = new TempFolder();
    const descriptor = openSync(folder.file('ours'), 'w');
    try {
      const { stdout } = await systemExec(sh('ls -l /proc/$$/fd'));
      assert.match(stdout, /0 -> /);
      assert.ok(!stdout.includes(folder.file('ours')));
    } finally {
      closeSync(descriptor);
    }
  });

  it('passes words on as they are: no shell', async () => {
    const words = ['$(id)', 'a b', '*', ';', '\n', '"', "'"];
    assert.equal((await systemExec(['/usr/bin/printf', '%s|', ...words])).stdout, `${words.join('|')}|`);
  });

  it('kills what takes too long', async () => {
    using folder = new TempFolder();
    const argv = sh(`echo $$ > ${folder.file('pid')}; trap '' TERM; exec sleep 600`);
    const begun = performance.now();
    const error = await failureOf(systemExec(argv, { timeoutMs: 200 }));
    assert.ok(performance.now() - begun < 300_000, 'the sleep takes ten minutes');
    assert.equal(error.failure.timedOut, true);
    assert.match(error.message, /timed out/);
    assert.equal(identify(Number(readFileSync(folder.file('pid'), 'utf8'))), undefined, 'it is gone');
  });

  it('ends what says too much', async () => {
    using folder = new TempFolder();
    const argv = sh(`echo $$ > ${folder.file('pid')}; exec yes`);
    const error = await failureOf(systemExec(argv, { maxOutput: 10_000 }));
    assert.equal(error.failure.stderr, 'too much output');
    assert.equal(identify(Number(readFileSync(folder.file('pid'), 'utf8'))), undefined, 'it is gone');
  });

  it('says which program is missing', async () => {
    const error = await failureOf(systemExec(['/nonexistent/iptables', '-L']));
    assert.match(error.message, /^\/nonexistent\/iptables -L could not be run: .*there is no program/);
    assert.equal(error.failure.exitCode, undefined);
  });

  it('says which signal killed it', async () => {
    const error = await failureOf(systemExec(sh('echo dying >&2; kill -SEGV $$')));
    assert.equal(error.failure.signal, 'SIGSEGV');
    assert.match(error.message, /was killed by SIGSEGV: dying/);
  });

  it('execOk takes status 0 only, and tells the input that failed', async () => {
    assert.equal(await execOk(systemExec, sh('echo yes')), 'yes\n');
    const error = await failureOf(execOk(systemExec, sh('echo no >&2; exit 2'), { input: 'line\n' }));
    assert.deepEqual(error.failure, {
      argv: sh('echo no >&2; exit 2'),
      exitCode: 2,
      signal: undefined,
      timedOut: false,
      stderr: 'no\n',
      input: 'line\n',
    });
  });
});
