import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { conf, DOORS } from './setting.js';

test('who is in after a boot is told by our own files, not by sets that somebody has saved', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: DOORS, conf: conf('nft') });
  await product.start();
  await product.must('accept', '192.0.2.1', '--timeout', '600');
  await product.must('accept', '192.0.2.2', '--timeout', '600');
  await product.must('drop', '192.0.2.3', '192.0.2.4');
  await product.must('trust', '192.0.2.5');
  const saved = (await lab.exec('server', ['/usr/sbin/ipset', 'save'])).stdout;
  const rules = (await lab.exec('server', ['/usr/sbin/iptables-nft-save'])).stdout;
  await product.must('flush', '192.0.2.1', '192.0.2.3');
  await product.must('untrust', '192.0.2.5');
  await product.stop();

  // The boot: sets and rules as they were saved, before knockctl begins.
  writeFileSync(join(lab.dir, 'saved'), saved);
  const restored = await lab.exec('server', ['/usr/sbin/ipset', 'restore'], { input: saved });
  assert.equal(restored.exitCode, 0, restored.stderr);
  await lab.exec('server', ['/usr/sbin/iptables-nft-restore'], { input: rules });
  await product.start();
  // Red where all that is there counts as our own: 192.0.2.1 was in.
  assert.deepEqual(await product.addresses('filter'), ['192.0.2.2']);
  assert.deepEqual(await product.addresses('banned'), ['192.0.2.4']);
  assert.deepEqual(await product.addresses('trusted'), []);
  const told = (await product.events()).map(({ text }) => text);
  assert.ok(
    told.some((text) => /^ssh_granted4 was made by another program .*: 192\.0\.2\.1 taken out/.test(text)),
    told.join('\n'),
  );
  assert.ok(
    told.some((text) => /^ssh_trusted4 was made by another program .*: 192\.0\.2\.5 taken/.test(text)),
  );
  // The same boot: what a supervisor that died left is its own.
  await product.must('accept', '192.0.2.6');
  await product.kill('supervisor');
  await product.start();
  assert.deepEqual((await product.addresses('filter')).sort(), ['192.0.2.2', '192.0.2.6']);
  await product.stop();
});
