import assert from 'node:assert/strict';
import { it } from 'node:test';

import { SerialQueue } from '../../src/base/serial-queue.js';

it('runs one job at a time, in order, whatever became of those before', async () => {
  const queue = new SerialQueue();
  const log: string[] = [];
  const job =
    (name: string, fails = false) =>
    async (): Promise<string> => {
      log.push(`${name} begins`);
      for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const [first, second, third] = [queue.run(job('1')), queue.run(job('2', true)), queue.run(job('3'))];
  await assert.rejects(second, /2/);
  assert.deepEqual([await first, await third], ['1', '3']);
  assert.deepEqual(log, ['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends']);
});
