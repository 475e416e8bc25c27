import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { runPaths } from '../../src/config/paths.js';
import type { Settings } from '../../src/config/settings.js';
import { Findable } from '../../src/supervisor/run-dir-monitor.js';
import { Presence, takePlace, type Found } from '../../src/runtime/instance-lock.js';
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
    const presence = await Presence.take(paths);
    presence.announce(log);
    await assert.rejects(Presence.take(paths), /knockctl is running already \(it holds .*\/lock\)/);
    assert.equal(readIfExists(places.supervisor), OWN);
    assert.equal(readIfExists(paths.pidFile), `${process.pid}\n`);
    assert.equal(presence.look(), 'here');
    presence[Symbol.dispose]();
    assert.equal(isLocked(places.lock), false);
    assert.deepEqual([readIfExists(places.supervisor), readIfExists(paths.pidFile)], [undefined, undefined]);
  });

  it('waits for who holds the lock for a while, and names who keeps it', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    mkdirSync(paths.run, { mode: 0o700 });
    const passing = tryLock(runPaths(paths).lock);
    await assert.rejects(takePlace(runPaths(paths), 0), /lock is held by a process that is no supervisor/);
    // A note of one that has died is no supervisor.
    writeFileSync(runPaths(paths).supervisor, `${process.pid} 1\n`);
    setTimeout(() => passing?.[Symbol.dispose](), 500);
    using presence = await Presence.take(paths);
    presence.announce(log);
    assert.equal(presence.look(), 'here');
  });

  it('makes its folder anew, with what was noted there', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const places = runPaths(paths);
    using presence = await Presence.take(paths);
    presence.announce(log);
    writeFileSync(places.listener, 'the listener');
    writeFileSync(`${paths.run}/kernel.json`, 'the footprint');
    assert.equal(presence.look(), 'here');
    rmSync(paths.run, { recursive: true });
    assert.equal(presence.look(), 'restored');
    assert.equal(presence.look(), 'here');
    assert.ok(isLocked(places.lock));
    const files = [places.supervisor, places.listener, `${paths.run}/kernel.json`];
    assert.deepEqual(files.map(readIfExists), [OWN, 'the listener', 'the footprint']);
  });

  it('notes anew who it is where that alone was deleted', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const { supervisor } = runPaths(paths);
    using presence = await Presence.take(paths);
    presence.announce(log);
    rmSync(supervisor);
    assert.equal(presence.look(), 'restored');
    assert.equal(readIfExists(supervisor), OWN);
    assert.equal(presence.look(), 'here');
  });

  it('gives way to another one, and takes nothing of its away', async () => {
    using folder = new TempFolder();
    const paths = pathsIn(folder);
    const places = runPaths(paths);
    const presence = await Presence.take(paths);
    presence.announce(log);
    rmSync(paths.run, { recursive: true });
    mkdirSync(paths.run, { mode: 0o700 });
    using other = tryLock(places.lock);
    assert.ok(other !== undefined);
    assert.equal(presence.look(), 'here', 'somebody holds it for a moment');
    const text = formatIdentity(identify(process.ppid) ?? assert.fail());
    writeFileSync(places.supervisor, text);
    writeFileSync(paths.pidFile, '1\n');
    assert.equal(presence.look(), 'taken');
    presence[Symbol.dispose]();
    assert.deepEqual([places.supervisor, paths.pidFile].map(readIfExists), [text, '1\n']);
    assert.ok(isLocked(places.lock));
  });
});

describe('being found', () => {
  function stand(look: () => Found, reopen: () => Promise<boolean>): { told: string[]; findable: Findable } {
    const told: string[] = [];
    const findable = new Findable({
      clock: new FakeClock(),
      journal: { record: (_kind, text) => void told.push(text) },
      presence: { look },
      server: { reopen },
      taken: () => told.push('taken'),
    });
    return { told, findable };
  }

  it('tells what was mended, and a fault once for as long as it lasts', async () => {
    const found: Found[] = ['here', 'here', 'restored'];
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
