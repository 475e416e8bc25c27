import assert from 'node:assert/strict';
import { describe } from 'node:test';

import { inTurn, OPEN } from './setting.js';

/** Waiting tests with labs of their own: at once. */
describe('a knock', { concurrency: 2 }, () => {
  inTurn(
    'opens the port for the knocker alone, for its time, and never cuts a session',
    { service: 'accept_timeout = 8' },
    async ({ lab, product, server, client, gets, opens, shuts, knock }) => {
      assert.equal(await gets('client'), true, 'before the start nothing is protected');
      await product.start();
      assert.equal(await gets('client'), false, 'shut before the knock');
      assert.equal(await gets('client2'), false);

      await knock('client', OPEN, { client: 'debian' });
      await opens('client');
      const session = await lab.openSession('client', server, 22);
      assert.equal(await session.echo('open'), true);
      assert.equal(await gets('client2'), false, 'only the knocker gets in');
      const [entry] = await product.list('filter');
      assert.deepEqual(
        { ...entry, timeout: 0 },
        { service: 'ssh', list: 'filter', address: client, timeout: 0, by: 'door open' },
      );

      await shuts('client');
      assert.deepEqual(await product.list('filter'), [], 'shut because its time is over');
      assert.equal(await session.echo('shut'), true, 'an established session goes on');

      await knock('client', OPEN, { client: 'ours' });
      await opens('client');
      assert.equal(await gets('client2'), false);
      await product.stop();
      assert.equal(await gets('client2'), true, 'after the stop nothing is protected');
      assert.equal(await session.echo('stopped'), true);
    },
  );

  inTurn(
    'while the port is open starts the time anew',
    { service: 'accept_timeout = 8' },
    async ({ lab, product, gets, opens, shuts, knock }) => {
      const left = async (): Promise<number> => (await product.list('filter'))[0]?.timeout ?? -1;
      await product.start();
      await knock('client', OPEN, { client: 'ours' });
      await opens('client');
      await lab.waitFor(async () => (await left()) <= 3, 'the last seconds of the first knock');
      await knock('client', OPEN, { client: 'ours' });
      await product.waitForLog(/accepted at ssh for 8 s/, 2);
      const renewed = await left();
      assert.ok(renewed > 3, `${renewed} s are left after the second knock`);
      assert.equal(await gets('client'), true);
      await shuts('client');
      assert.equal((await product.list('filter')).length, 0);
    },
  );

  inTurn(
    'that is wrong, incomplete or too slow opens nothing',
    {
      doors:
        '[open]\nsequence = 7000,8000,9000\nseq_timeout = 1\ntcpflags = syn\ncommand = knockctl accept %IP%\n',
    },
    async ({ product, client, gets, opens, knock }) => {
      await product.start();
      await knock('client', [7000, 9000, 8000, 9000]);
      await knock('client', [8000, 9000]);
      await knock('client', ['7000:udp', 8000, 9000]);
      // Half of it from each of two: neither has knocked.
      await knock('client', [7000, 8000]);
      await knock('client2', [9000]);
      // The window of one second is over before the last port.
      await knock('client2', OPEN, { args: ['-d', '600'] });
      await product.waitForLog(/sequence timeout/);
      assert.equal(await gets('client'), false);
      assert.equal(await gets('client2'), false);
      assert.deepEqual(await product.list('filter'), []);
      // Ports of no door in between do no harm.
      await knock('client', [7000, 1234, 8000, 4321, 9000]);
      await opens('client');
      assert.deepEqual(await product.addresses('filter'), [client]);
    },
  );

  inTurn(
    'is what makes a filtered port open for nmap',
    {},
    async ({ lab, product, family, server, opens, knock }) => {
      const scan = async (): Promise<string> => {
        const nmap = ['/usr/bin/nmap', '-n', '-Pn', '-sS', '-p', '22,80', '--max-retries', '1', '-T4'];
        const done = await lab.exec('client', [...nmap, ...(family === 6 ? ['-6'] : []), server]);
        return /^22\/tcp +(\S+)/m.exec(done.stdout)?.[1] ?? done.stdout + done.stderr;
      };
      assert.equal(await scan(), 'open', 'without the product');
      await product.start();
      assert.equal(await scan(), 'filtered');
      await knock('client', OPEN, { client: 'ours' });
      await opens('client');
      assert.equal(await scan(), 'open');
    },
  );
});
