/** Bans of fail2ban and CrowdSec, as their script gives them to us. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe } from 'node:test';
import { fileURLToPath } from 'node:url';

import { KNOCKCTL } from '../helpers/product.js';
import { DOORS, inTurn, OPEN } from './setting.js';

const SCRIPT = fileURLToPath(new URL('../../../init/neighbours/knockctl-ban', import.meta.url));
const MANY = 1_000;

describe('knockctl-ban', () => {
  inTurn('bans strangers alone, and lifts nothing but bans', { doors: DOORS }, async (setting) => {
    const { lab, product, client, client2, opens, knock, gets } = setting;
    await product.start();
    const env = [
      '/usr/bin/env',
      `KNOCKCTL_BAN_DIR=${join(lab.dir, 'ban')}`,
      `KNOCKCTL=${process.execPath} ${KNOCKCTL} -c ${product.paths.conf}`,
    ];
    const ban = async (...words: readonly string[]): Promise<void> => {
      const done = await lab.exec('server', [...env, '/bin/sh', SCRIPT, ...words]);
      assert.equal(done.exitCode, 0, `${words.join(' ')}: ${done.stderr}`);
    };
    const banned = async (): Promise<string[]> =>
      (await product.list('banned'))
        .map(({ address, timeout }) => `${address} ${timeout === null ? 'ever' : 'timed'}`)
        .sort();

    await knock('client', OPEN);
    await opens('client');
    await product.must('trust', client2);
    for (const [address, time] of [
      [client, '600'],
      [client2, '600'],
      ['192.0.2.8', '600'],
      ['192.0.2.9', '-1'],
      ['192.0.2.10', '99999999999'],
      ['127.0.0.1', '600'],
      ['CN', '600'],
    ] as const)
      await ban('add', address, time, 'a scenario', '{"id": 1}');
    await ban('sync');
    assert.deepEqual(await banned(), ['192.0.2.10 timed', '192.0.2.8 timed', '192.0.2.9 ever']);
    assert.equal(await gets('client'), true, 'whoever has knocked stays in');
    assert.equal(await gets('client2'), true);

    for (const address of [client, client2, '192.0.2.8', '192.0.2.77']) await ban('del', address);
    await ban('sync');
    assert.deepEqual(await banned(), ['192.0.2.10 timed', '192.0.2.9 ever']);
    assert.equal(await gets('client'), true, 'an unban takes nothing but bans out');

    // As at a restart of fail2ban: one call each, one after the other.
    const loop = `i=0; while [ $i -lt ${MANY} ]; do /bin/sh ${SCRIPT} add 10.9.$((i / 250)).$((i % 250 + 1)) 600; i=$((i + 1)); done; /bin/sh ${SCRIPT} sync`;
    const oneMs = performance.now();
    for (let count = 0; count < 5; count += 1) await product.list('filter');
    const eachMs = (performance.now() - oneMs) / 5;
    const startMs = performance.now();
    const all = await lab.exec('server', [...env, '/bin/sh', '-c', loop], { timeoutMs: 120_000 });
    assert.equal(all.exitCode, 0, all.stderr);
    const tookMs = performance.now() - startMs;
    assert.equal((await banned()).length, MANY + 2);
    // A process of ours for each would take longer, on whatever machine.
    assert.ok(
      tookMs < (eachMs * MANY) / 2,
      `${MANY} bans took ${Math.round(tookMs)} ms, one command ${Math.round(eachMs)} ms`,
    );
  });
});
