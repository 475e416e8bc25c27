import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import { DOORS, getsIn, kernel, SEQUENCE, ssh, stage } from './setting.js';

test('two instances in two namespaces know nothing of each other', async () => {
  await using one = await stage('nft');
  await using other = await stage('legacy', { conf: ssh('legacy', 'on_failure = hold\n') });
  const untouched = [await kernel(one.lab), await kernel(other.lab)];
  await Promise.all([one.product.start(), other.product.start()]);
  await one.lab.knock('client', ADDRESS.server[4], SEQUENCE);
  await waitFor(async () => getsIn(one.lab, 'client'), 'the door to open');
  assert.equal(await getsIn(other.lab, 'client'), false);
  assert.deepEqual(await other.product.addresses('filter'), []);
  await one.product.kill('supervisor');
  assert.equal((await other.product.status()).state, 'armed');
  await one.product.stop();
  assert.equal(await kernel(one.lab), untouched[0]);
  assert.equal((await other.product.status()).state, 'armed');
  assert.equal(await getsIn(other.lab, 'client'), false);
  await other.product.stop();
  assert.equal(await kernel(other.lab), untouched[1]);
});

test('two configurations for one namespace: each has its own service and run folder', async () => {
  await using scene = await stage('nft');
  const { lab, product } = scene;
  const untouched = await kernel(lab);
  const conf = ssh('nft').replace('[service.ssh]\nports = 2222', '[service.web]\nports = 3333');
  const web = new Product(lab, {
    folder: 'web',
    conf,
    doors: DOORS.replace('accept', 'accept --service web'),
  });
  await lab.tcpEcho('server', 3333);
  await product.start();
  await web.start();
  await web.must('accept', ADDRESS.client2[4]);
  assert.ok(await lab.canConnect('client2', ADDRESS.server[4], 3333, 400));
  assert.equal(await getsIn(lab, 'client2'), false);
  await web.stop();
  assert.equal((await product.status()).state, 'armed');
  assert.equal(await getsIn(lab, 'client'), false);
  await product.stop();
  assert.equal(await kernel(lab), untouched);
});
