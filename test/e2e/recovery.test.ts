/** The commands of docs/recovery.md for when nothing else works any more, as they stand there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { conf, DOORS } from './setting.js';
import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';

const PAGE = new URL('../../../docs/recovery.md', import.meta.url);

/** What else may stand in the tables: nothing, and rules of nft that iptables-save does not show them for. */
const NEIGHBOURS = ['', 'ct state established,related accept', 'meta mark set 0x1234'];

for (const gate of ['normal', 'strict']) {
  // With the loop over the table filter alone (run once, 2026-11-29): red with the strict gate.
  for (const neighbour of NEIGHBOURS) {
    test(`locked out, with nothing of ours alive: by hand (${gate} gate)${neighbour && `, beside ${neighbour}`}`, async () => {
      await byHand(gate, neighbour);
    });
  }
}

async function byHand(gate: string, neighbour: string): Promise<void> {
  const tables = gate === 'strict' ? ['mangle', 'filter'] : ['filter'];
  const [, script = ''] = /^```sh\n(for tool[\s\S]*?)^```$/m.exec(readFileSync(PAGE, 'utf8')) ?? [];
  assert.match(script, /iptables/);
  await using lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', 22);
  const product = new Product(lab, {
    conf: conf('nft', { service: `on_failure = hold\ngate = ${gate}` }),
    doors: DOORS,
  });
  await product.start();
  await product.kill('supervisor');
  const gets = async (family: 4 | 6): Promise<boolean> =>
    lab.canConnect('client', ADDRESS.server[family], 22, 400);
  assert.equal(await gets(4), false);
  for (const protocol of neighbour === '' ? [] : ['ip', 'ip6']) {
    for (const table of tables) {
      const words = ['insert', 'rule', protocol, table, 'INPUT', ...neighbour.split(' ')];
      assert.equal((await lab.exec('server', ['/usr/sbin/nft', ...words])).exitCode, 0);
    }
  }
  const done = await lab.exec('server', ['/bin/sh', '-ec', script]);
  assert.equal(done.exitCode, 0, done.stderr);
  if (neighbour === '') assert.equal(done.stderr, '');
  assert.equal(await gets(4), true);
  assert.equal(await gets(6), true);
  const left = await lab.exec('server', ['/usr/sbin/nft', 'list', 'ruleset']);
  assert.doesNotMatch(left.stdout, /jump (?:ssh_policy|ssh_gate\S*|knock\.doors)/);
  if (neighbour === '') {
    const saved = await lab.exec('server', ['/usr/sbin/iptables-save']);
    assert.doesNotMatch(saved.stdout, /^-A .*"knockctl:/m);
  }
}
