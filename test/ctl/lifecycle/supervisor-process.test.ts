import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { SupervisorProcess } from '../../../src/ctl/lifecycle/supervisor-process.js';
import { tryLock } from '../../../src/system/lock.js';
import {
  ageMs,
  formatIdentity,
  identify,
  isAlive,
  type ProcessIdentity,
} from '../../../src/system/process.js';
import { startHolder } from '../../helpers/lock-users.js';
import type { LabProcess } from '../../helpers/processes.js';
import { TempFolder } from '../../helpers/temp.js';

function identityOf(holder: LabProcess): ProcessIdentity {
  return identify(holder.pid) ?? assert.fail('it has ended');
}

describe('the supervisor’s process, as commands see it', () => {
  it('is known once it has told who it is, and for as long as it lives', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const place = new SupervisorProcess(paths);
    assert.deepEqual([place.isRunning(), place.noted()], [false, undefined]);
    const holder = startHolder(paths);
    await holder.until('noted');
    assert.deepEqual(place.noted(), identityOf(holder));
    assert.deepEqual(await place.incumbent(), identityOf(holder));
    assert.ok(ageMs(identityOf(holder)) < 10_000);
    await place.kill(identityOf(holder));
    assert.deepEqual([place.isRunning(), place.noted()], [false, undefined]);
    await holder.kill();
  });

  it('a note is nobody without the lock, and so is the lock without a note: that is waited for', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const place = new SupervisorProcess(paths);
    const own = identify(process.pid) ?? assert.fail();
    writeFileSync(paths.supervisor, formatIdentity(own));
    assert.equal(place.noted(), undefined);
    assert.equal(await place.incumbent(), undefined);
    writeFileSync(paths.supervisor, '');
    const lock = tryLock(paths.lock);
    setTimeout(() => {
      writeFileSync(paths.supervisor, formatIdentity(own));
    }, 300);
    assert.deepEqual(await place.incumbent(), own);
    lock?.[Symbol.dispose]();
    assert.equal(place.isRunning(), false);
  });

  it('is ended alone: not the one that has its place a moment later, nor is that one waited for', async () => {
    using folder = new TempFolder();
    const paths = { lock: folder.file('lock'), supervisor: folder.file('supervisor') };
    const place = new SupervisorProcess(paths);
    const holder = startHolder(paths);
    await holder.until('noted');
    const first = identityOf(holder);
    const next = startHolder(paths);
    await next.until('waits');
    await place.kill(first);
    await next.until('noted');
    await place.kill(first);
    assert.ok(isAlive(identityOf(next)));
    assert.deepEqual(place.noted(), identityOf(next));
    await next.kill();
    await holder.kill();
  });
});
