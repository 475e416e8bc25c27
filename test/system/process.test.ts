import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { formatIdentity, identify, isAlive, parseIdentity, signal } from '../../src/system/process.js';
import { LabProcess } from '../helpers/processes.js';
import { waitFor } from '../helpers/wait.js';

/** A process whose name would mislead a careless reader of /proc/PID/stat. */
function oddlyNamed(): LabProcess {
  return new LabProcess(['/bin/bash', '-c', 'printf "x) S 1 (" > /proc/$$/comm; echo named; read -r _']);
}

describe('process identity', () => {
  it('tells a process from another with the same number', async () => {
    const child = oddlyNamed();
    await child.until('named');
    const identity = identify(child.pid);
    assert.ok(identity !== undefined);
    assert.match(identity.startTime, /^\d+$/);
    assert.deepEqual(identify(child.pid), identity);
    assert.equal(isAlive(identity), true);
    const other = { ...identity, startTime: String(Number(identity.startTime) - 1) };
    assert.equal(isAlive(other), false);
    assert.equal(signal(other, 'SIGKILL'), false, 'nobody is hit by mistake');
    assert.equal(isAlive(identity), true);
    assert.equal(signal(identity, 'SIGKILL'), true);
    assert.equal(await child.closed, 137);
    assert.equal(identify(child.pid), undefined);
    assert.equal(signal(identity, 'SIGKILL'), false);
  });

  it('takes a zombie for dead', async () => {
    // A shell that becomes another program never asks after its children; this one ends after that.
    const parent = new LabProcess(['/bin/sh', '-c', 'sleep 0.5 & echo $! z; exec sleep 600']);
    await parent.until(' z');
    const pid = Number.parseInt(parent.stdout);
    const status = (): string => readIfExists(`/proc/${pid}/stat`) ?? '';
    await waitFor(() => status().includes(') Z '), 'the zombie');
    try {
      assert.equal(identify(pid), undefined);
    } finally {
      await parent.kill();
    }
  });

  it('goes through a file', () => {
    const own = identify(process.pid);
    assert.ok(own !== undefined);
    assert.deepEqual(parseIdentity(formatIdentity(own)), own);
    for (const text of [
      undefined,
      '',
      '\n',
      '12',
      'x 1',
      '1 x',
      '-1 5',
      '1 2 3',
      '1  2',
      `${'9'.repeat(11)} 1`,
    ]) {
      assert.equal(parseIdentity(text), undefined);
    }
  });
});
