import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { runPaths } from '../../src/config/paths.js';
import type { Settings } from '../../src/config/settings.js';
import { RunDirMonitor } from '../../src/supervisor/run-dir-monitor.js';
import { InstanceLock, acquireLock, type LockCheck } from '../../src/runtime/instance-lock.js';
import { readIfExists } from '../../src/system/files.js';
import { isLocked, tryLock } from '../../src/system/lock.js';
import { formatIdentity, identify } from '../../src/system/process.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { TempFolder } from '../helpers/temp.js';

const OWN = formatIdentity(identify(process.pid) ?? assert.fail());
const log = { warn: (text: string): void => assert.fail(text) };

function pathsIn(folder: TempFolder): Settings['paths'] {
  const run = folder.file('run');
  return { run, pidFile: folder.file('pid') } as Settings['paths'];
}

describe('the presence of a supervisor', () => {
  it('is one at a time, tells who it is, and leaves only the lock file', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const places = runPaths(paths);
    const presence = await InstanceLock.acquire(paths);
    presence.announce(log);
    await assert.rejects(InstanceLock.acquire(paths), /knockctl is running already \(it holds .*\/lock\)/);
    assert.equal(readIfExists(places.supervisor), OWN);
    assert.equal(readIfExists(paths.pidFile), `${process.pid}\n`);
    assert.equal(presence.check(), 'here');
    presence[Symbol.dispose]();
    assert.equal(isLocked(places.lock), false);
    assert.deepEqual([readIfExists(places.supervisor), readIfExists(paths.pidFile)], [undefined, undefined]);
  });

  it('waits for who holds the lock for a while, and names who keeps it', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    mkdirSync(paths.run, { mode: 0o700 });
    const passing = tryLock(runPaths(paths).lock);
    await assert.rejects(acquireLock(runPaths(paths), 0), /lock is held by a process that is no supervisor/);
    // A note of one that has died is no supervisor.
    writeFileSync(runPaths(paths).supervisor, `${process.pid} 1\n`);
    setTimeout(() => passing?.[Symbol.dispose](), 500);
    using presence = await InstanceLock.acquire(paths);
    presence.announce(log);
    assert.equal(presence.check(), 'here');
  });

  it('makes its folder anew, with what was noted there', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const places = runPaths(paths);
    using presence = await InstanceLock.acquire(paths);
    presence.announce(log);
    writeFileSync(places.listener, 'the listener');
    writeFileSync(`${paths.run}/kernel.json`, 'the footprint');
    assert.equal(presence.check(), 'here');
    rmSync(paths.run, { recursive: true });
    assert.equal(presence.check(), 'restored');
    assert.equal(presence.check(), 'here');
    assert.ok(isLocked(places.lock));
    const files = [places.supervisor, places.listener, `${paths.run}/kernel.json`];
    assert.deepEqual(files.map(readIfExists), [OWN, 'the listener', 'the footprint']);
  });

  it('notes anew who it is where that alone was deleted', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const { supervisor } = runPaths(paths);
    using presence = await InstanceLock.acquire(paths);
    presence.announce(log);
    rmSync(supervisor);
    assert.equal(presence.check(), 'restored');
    assert.equal(readIfExists(supervisor), OWN);
    assert.equal(presence.check(), 'here');
  });

  it('gives way to another one, and takes nothing of its away', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const places = runPaths(paths);
    const presence = await InstanceLock.acquire(paths);
    presence.announce(log);
    rmSync(paths.run, { recursive: true });
    mkdirSync(paths.run, { mode: 0o700 });
    using other = tryLock(places.lock);
    assert.ok(other !== undefined);
    assert.equal(presence.check(), 'here', 'somebody holds it for a moment');
    const text = formatIdentity(identify(process.ppid) ?? assert.fail());
    writeFileSync(places.supervisor, text);
    writeFileSync(paths.pidFile, '1\n');
    assert.equal(presence.check(), 'taken');
    presence[Symbol.dispose]();
    assert.deepEqual([places.supervisor, paths.pidFile].map(readIfExists), [text, '1\n']);
    assert.ok(isLocked(places.lock));
  });
});

describe('being found', () => {
  function stand(
    look: () => LockCheck,
    reopen: () => Promise<boolean>,
  ): { told: string[]; findable: RunDirMonitor } {
    const told: string[] = [];
    const findable = new RunDirMonitor({
      clock: new FakeClock(),
      journal: { record: (_kind, text) => void told.push(text) },
      presence: { check: look },
      server: { reopen },
      taken: () => told.push('taken'),
    });
    return { told, findable };
  }

  it('tells what was fixed, and a fault once for as long as it lasts', async () => {
    const found: LockCheck[] = ['here', 'here', 'restored'];
    const reopened = [false, true, true];
    const { told, findable } = stand(
      () => {
        const next = found.shift();
        if (next === undefined) throw new Error('no space');
        return next;
      },
      async () => Promise.resolve(reopened.shift() ?? false),
    );
    for (let look = 0; look < 5; look += 1) await findable.look();
    assert.deepEqual(told, [
      'the control socket was deleted while we ran: made anew',
      'the run folder, or a file of ours in it, was deleted while we ran: made anew',
      'commands cannot reach us: no space',
    ]);
  });

  it('touches no socket where another supervisor has our place', async () => {
    const { told, findable } = stand(
      () => 'taken',
      async () => Promise.reject(new Error('the socket is that of the other one')),
    );
    await findable.look();
    assert.deepEqual(told, ['taken']);
  });
});
