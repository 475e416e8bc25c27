/** `knockctl doctor` beside a supervisor that runs, is on trial, hangs, is dead, or was tried in vain. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Finding } from '../../src/wire/reports.js';
import { conf, DOORS } from '../e2e/setting.js';
import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';

/** The levels of what is found, by a part of the text. */
async function level(product: Product, text: RegExp): Promise<Finding['level'] | undefined> {
  const { stdout } = await product.ctl(['--json', 'doctor']);
  const { findings } = JSON.parse(stdout) as { findings: readonly Finding[] };
  return findings.find((finding) => text.test(finding.text))?.level;
}

test('the doctor says how it is with the supervisor', async () => {
  await using lab = await createLab({ backend: 'legacy' });
  // With doors in the kernel a service needs no listener, and does not trip for want of one.
  const settings = conf('legacy', { service: 'kernel_doors = no' }).replace(
    '[firewall]',
    'max_restarts = 1\n[firewall]',
  );
  const product = new Product(lab, { conf: settings, doors: DOORS });
  assert.equal(await level(product, /^knockctl is not running$/), 'warning');

  await product.must('start', '--trial', '30');
  assert.equal(await level(product, /^knockctl is running: trial$/), 'note');
  assert.equal(await level(product, /not confirmed$/), undefined, 'it is on just now');
  await product.kill('supervisor');
  assert.equal(await level(product, /^the supervisor is dead$/), 'danger');
  assert.equal(await level(product, /^this configuration was tried on .* and not confirmed$/), 'danger');
  await product.must('restartifdead');
  assert.equal(await level(product, /^knockctl is not running$/), 'warning', 'the trial was the first start');
  assert.equal(await level(product, /not confirmed$/), 'danger');

  await product.must('start', '--trial', '30');
  await product.must('confirm');
  assert.equal(await level(product, /^knockctl is running: armed$/), 'good');
  assert.equal(await level(product, /not confirmed$/), undefined);

  product.signal('supervisor', 'SIGSTOP');
  assert.equal(await level(product, /^the supervisor is running, but does not answer$/), 'danger');
  product.signal('supervisor', 'SIGCONT');
  await product.waitForState('armed');

  // No listener stays up any more: it trips.
  await waitFor(async () => {
    if (product.identity('listener') !== undefined) await product.kill('listener').catch(() => undefined);
    return (await product.status()).state === 'tripped';
  }, 'it to trip');
  assert.equal(await level(product, /^knockctl is running: tripped$/), 'danger');
  await product.stop();
  assert.equal(await level(product, /^knockctl is not running$/), 'warning');
});
