/** The commands of docs/recovery.md for when nothing else works any more, as they stand there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { conf, DOORS } from './setting.js';
import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';

const PAGE = new URL('../../../docs/recovery.md', import.meta.url);

for (const gate of ['normal', 'strict']) {
  // With the loop over the table filter alone (run once, 2026-11-29): red with the strict gate.
  test(`locked out, with nothing of ours alive: by hand (${gate} gate)`, async () => {
    await byHand(gate);
  });
}

async function byHand(gate: string): Promise<void> {
  const [, script = ''] = /^```sh\n(for tool[\s\S]*?)^```$/m.exec(readFileSync(PAGE, 'utf8')) ?? [];
  assert.match(script, /iptables/);
  await using lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', 22);
  const product = new Product(lab, { conf: conf('nft', { service: `on_failure = hold\ngate = ${gate}` }), doors: DOORS });
  await product.start();
  await product.kill('supervisor');
  const gets = async (family: 4 | 6): Promise<boolean> =>
    lab.canConnect('client', ADDRESS.server[family], 22, 400);
  assert.equal(await gets(4), false);
  const done = await lab.exec('server', ['/bin/sh', '-ec', script]);
  assert.equal(done.exitCode, 0, done.stderr);
  assert.equal(done.stderr, '');
  assert.equal(await gets(4), true);
  assert.equal(await gets(6), true);
  assert.doesNotMatch((await lab.exec('server', ['/usr/sbin/iptables-save'])).stdout, /^-A .*"knockctl:/m);
}
