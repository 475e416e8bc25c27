import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';

import { isLocked, takeLock, tryLock } from '../../src/system/lock.js';
import { startLooker } from '../helpers/lock-users.js';
import { importing, startNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';

/** Text of a process that takes the lock, says so with what `more` gives, and stays. */
const holder = (path: string, more = "''"): string => `${importing('tryLock', 'system/lock.js')}
  import { spawn } from 'node:child_process';
  const lock = tryLock(${JSON.stringify(path)});
  console.log(lock === undefined ? 'refused' : 'held', ${more}, '.');
  setInterval(() => lock, 1000);`;

describe('the lock', () => {
  it('is held by one process at a time, and freed by its disposal', () => {
    using folder = new TempFolder();
    const path = folder.file('lock');
    {
      using first = tryLock(path);
      assert.notEqual(first, undefined);
      assert.equal(tryLock(path), undefined);
      assert.equal(isLocked(path), true);
      assert.equal(statSync(path).mode & 0o777, 0o600);
    }
    assert.equal(isLocked(path), false);
    using again = tryLock(path);
    assert.notEqual(again, undefined);
  });

  it('keeps other processes out, and is freed by kill -9', async () => {
    using folder = new TempFolder();
    const path = folder.file('lock');
    const first = startNode(holder(path));
    await first.until('held');
    assert.equal(tryLock(path), undefined);
    assert.equal(isLocked(path), true);
    assert.equal(takeLock(path), undefined);
    const second = startNode(holder(path));
    await second.until('refused');
    await second.kill();
    await first.kill();
    assert.equal(isLocked(path), false);
    using mine = takeLock(path);
    assert.notEqual(mine, undefined);
  });

  it('is not kept alive by children of its holder', async () => {
    using folder = new TempFolder();
    const path = folder.file('lock');
    const child = "spawn('/bin/sleep', ['600'], { detached: true, stdio: 'ignore' }).pid";
    const first = startNode(holder(path, child));
    await first.until('.');
    const sleeper = Number(/held (\d+)/.exec(first.stdout)?.[1]);
    assert.ok(sleeper > 1);
    try {
      await first.kill();
      process.kill(sleeper, 0); // still there
      assert.equal(isLocked(path), false);
    } finally {
      process.kill(sleeper, 'SIGKILL');
    }
  });

  it('of a file that is not there is free, and looking does not make the file', () => {
    using folder = new TempFolder();
    assert.equal(isLocked(folder.file('lock')), false);
    assert.equal(existsSync(folder.file('lock')), false);
  });

  it('is not seen by two that look at once where nobody has it', async () => {
    using folder = new TempFolder();
    const path = folder.file('lock');
    const looker = startLooker(path);
    await looker.until('looks');
    try {
      for (let look = 0; look < 100; look += 1) assert.equal(isLocked(path), false, `look ${look}`);
    } finally {
      await looker.kill();
    }
  });

  it('is taken although somebody looks at it all the time', async () => {
    using folder = new TempFolder();
    const path = folder.file('lock');
    const looker = startLooker(path);
    await looker.until('looks');
    try {
      for (let round = 0; round < 10; round += 1) {
        using lock = takeLock(path);
        assert.notEqual(lock, undefined, `round ${round}`);
      }
    } finally {
      await looker.kill();
    }
  });
});
