import assert from 'node:assert/strict';

import { inTurn } from './setting.js';

inTurn(
  'the command line lets in, bans and forgets, for the time it says',
  {},
  async ({ product, client, client2, gets, shuts }) => {
    await product.start();
    await product.must('accept', client, client2, '--timeout', '100');
    assert.equal(await gets('client'), true);
    assert.equal(await gets('client2'), true);
    const entries = await product.list('filter');
    assert.deepEqual(entries.map(({ address, by }) => `${address} ${by}`).sort(), [
      `${client} cli`,
      `${client2} cli`,
    ]);
    assert.ok(entries.every(({ timeout }) => timeout !== null && timeout > 90 && timeout <= 100));

    await product.must('drop', client2, '--timeout', '2');
    assert.equal(await gets('client2'), false);
    assert.equal(await gets('client'), true);
    await product.must('accept', client, '--timeout', '1');
    await shuts('client');
    await product.must('accept', client2);
    // The ban of two seconds ends by itself.
    await product.lab.waitFor(async () => gets('client2'), 'the end of the ban');
    await product.must('flush', 'all');
    assert.deepEqual(await product.list(), []);
    assert.equal(await gets('client2'), false);
  },
);
