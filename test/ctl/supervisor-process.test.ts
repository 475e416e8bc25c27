import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { SupervisorProcess } from '../../src/ctl/supervisor-process.js';
import { tryLock } from '../../src/system/lock.js';
import { ageMs, formatIdentity, identify, isAlive, type ProcessIdentity } from '../../src/system/process.js';
import { startHolder } from '../helpers/lock-users.js';
import type { LabProcess } from '../helpers/processes.js';
import { TempFolder } from '../helpers/temp.js';

function identityOf(holder: LabProcess): ProcessIdentity {
  return identify(holder.pid) ?? assert.fail('it has ended');
}

describe('the supervisor’s process, as commands see it', () => {
  it('is known once it has told who it is, and for as long as it lives', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const incumbent = new SupervisorProcess(paths);
    assert.deepEqual([incumbent.isRunning(), incumbent.noted()], [false, undefined]);
    const holder = startHolder(paths);
    await holder.until('noted');
    assert.deepEqual(incumbent.noted(), identityOf(holder));
    assert.ok(ageMs(identityOf(holder)) < 10_000);
    await incumbent.kill(incumbent.noted());
    assert.deepEqual([incumbent.isRunning(), incumbent.noted()], [false, undefined]);
    await holder.kill();
  });

  it('a note is nobody without the lock, and so is the lock without a note: that is waited for', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const incumbent = new SupervisorProcess(paths);
    const own = identify(process.pid) ?? assert.fail();
    writeFileSync(paths.supervisor, formatIdentity(own));
    assert.equal(incumbent.noted(), undefined);
    writeFileSync(paths.supervisor, '');
    const lock = tryLock(paths.lock);
    setTimeout(() => {
      writeFileSync(paths.supervisor, formatIdentity(own));
    }, 300);
    await incumbent.untilKnown();
    assert.deepEqual(incumbent.noted(), own);
    await assert.rejects(incumbent.kill(undefined), /holds the lock, but it is not the supervisor/);
    lock?.[Symbol.dispose]();
    assert.equal(incumbent.isRunning(), false);
  });

  it('is ended alone: not the one that has its place a moment later, nor is that one waited for', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const incumbent = new SupervisorProcess(paths);
    const holder = startHolder(paths);
    await holder.until('noted');
    const first = incumbent.noted();
    const next = startHolder(paths);
    await next.until('waits');
    await incumbent.kill(first);
    await next.until('noted');
    await incumbent.kill(first);
    assert.ok(isAlive(identityOf(next)));
    assert.deepEqual(incumbent.noted(), identityOf(next));
    await next.kill();
    await holder.kill();
  });
});
