import assert from 'node:assert/strict';
import { test } from 'node:test';

import { KeyedMutex } from '../../src/base/keyed-mutex.js';

test('jobs of one key keep their order, whatever becomes of them; others do not wait', async () => {
  const turns = new KeyedMutex();
  const log: string[] = [];
  let finish: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (finish = resolve));
  const first = turns.run('a', async () => {
    log.push('first begins');
    await slow;
    log.push('first ends');
    throw new Error('it failed');
  });
  assert.deepEqual(log, ['first begins'], 'at once');
  const second = turns.run('a', async () => {
    log.push('second');
    return Promise.resolve(2);
  });
  await turns.run('b', async () => {
    log.push('other');
    return Promise.resolve();
  });
  assert.deepEqual(log, ['first begins', 'other']);
  finish();
  await assert.rejects(first, /it failed/);
  assert.equal(await second, 2);
  assert.deepEqual(log, ['first begins', 'other', 'first ends', 'second']);
});
