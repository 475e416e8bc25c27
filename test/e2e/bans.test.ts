import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { DECOY, inTurn, OPEN } from './setting.js';

describe('the lists', { concurrency: 2 }, () => {
  inTurn(
    'a decoy bans who is not in for its time, or until flushed, by address or by list',
    {},
    async ({ lab, product, server, client, gets, opens, knock }) => {
      const banned = async (count: number): Promise<void> =>
        product.waitForLog(new RegExp(`^${client} banned for 3600 s`), count);
      await product.start();
      await knock('client', OPEN);
      await opens('client');
      const session = await lab.openSession('client', server, 22);
      await knock('client', DECOY);
      await product.waitForLog(/is let in at this moment: no door bans it/);
      assert.equal(await gets('client'), true, 'who is in stays in: the packets may be forged');
      assert.deepEqual(await product.addresses('banned'), []);
      await product.must('flush', client);
      await knock('client', DECOY);
      await banned(1);
      assert.equal(await gets('client'), false);
      const [ban, ...more] = await product.list();
      assert.deepEqual(more, []);
      assert.ok(ban?.timeout != null && ban.timeout > 3_000 && ban.timeout <= 3_600, String(ban?.timeout));
      assert.deepEqual(
        { ...ban, timeout: 0 },
        { service: 'ssh', list: 'banned', address: client, timeout: 0, by: 'door decoy', decoyed: true },
      );
      assert.match(await product.must('list', 'banned'), /\bdecoy decoy$/m);
      assert.equal(await session.echo('banned'), true, 'a session that is open is not filtered');
      await knock('client', OPEN);
      await product.waitForLog(/OPEN SESAME/, 4);
      await product.waitForLog(/^warn: open: accept refused: .* was banned by a door/);
      assert.equal(await gets('client'), false, 'no knock helps whom a decoy has banned');

      await product.must('flush', client);
      assert.deepEqual(await product.list(), []);
      assert.equal(await gets('client'), false, 'flushed, not let in');
      await knock('client', OPEN);
      await opens('client');

      await product.must('flush', 'filter');
      await knock('client', DECOY);
      await banned(2);
      await product.must('flush', 'banned');
      assert.equal(await gets('client'), false);
      await knock('client', OPEN);
      await opens('client');
      await product.must('flush', 'filter');
      assert.equal(await gets('client'), false);
      assert.equal((await product.ctl(['flush', client])).exitCode, 1, 'it is in neither');
    },
  );

  inTurn(
    'a trusted address needs no knock, and no decoy bans it',
    { trusted: `${ADDRESS.client2[4]} # first\nfd77:2::/64 # second\n` },
    async ({ product, client, client2, gets, opens, shuts, knock }) => {
      await product.start();
      assert.equal(await gets('client2'), true);
      assert.equal(await gets('client'), false);
      await knock('client2', DECOY);
      await product.waitForLog(new RegExp(`^warn: decoy: drop refused: ${client2} is trusted`));
      assert.equal(await gets('client2'), true);
      assert.deepEqual(await product.addresses('banned'), []);
      assert.equal((await product.ctl(['drop', client2])).exitCode, 1);
      await product.must('drop', client2, '--force');
      assert.equal(await gets('client2'), false, 'an administrator who means it');
      await product.must('flush', client2);
      assert.equal(await gets('client2'), true);

      await product.must('trust', client, '--save');
      await opens('client');
      assert.match(readFileSync(product.paths.trusted, 'utf8'), new RegExp(`# second\\n${client}\\n`));
      await product.must('reload');
      assert.equal(await gets('client'), true);
      await product.must('untrust', client, '--save');
      await shuts('client');
      assert.ok(!readFileSync(product.paths.trusted, 'utf8').includes(client));
      assert.equal(await gets('client2'), true);
    },
  );
});
