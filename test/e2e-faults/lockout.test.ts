/** What is certain to lock out: refused by hand, told and started where a refusal would leave the port open. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { kernel, ssh, stage, DOORS } from './setting.js';

const LOCKED = ssh('nft', 'on_failure = hold\n');

test('a service under hold that nobody can get into', async () => {
  await using here = await stage('nft');
  const { lab, product } = here;
  const { paths } = product;
  const held = await kernel(lab);
  product.configure(LOCKED);
  writeFileSync(paths.doors, '');
  const words = new RegExp(`${paths.conf}:\\d+: nobody can get into service ssh: .*allow_lockout = yes`);
  for (const verb of [['check'], ['start'], ['start', '--trial', '60']]) {
    const done = await product.ctl(verb);
    assert.equal(done.exitCode, 78, verb.join(' '));
    assert.match(done.stderr, words);
  }
  assert.equal(await kernel(lab), held, 'nothing was begun');

  // A start at a boot that is refused is an open port.
  assert.equal((await product.ctl(['start', '--boot'])).exitCode, 0);
  assert.equal((await product.ctl(['status'])).exitCode, 0);
  assert.match(await product.must('events'), /nobody can get into service ssh/);
  const reload = await product.ctl(['reload']);
  assert.equal(reload.exitCode, 78);
  assert.match(reload.stderr, words);
  assert.equal((await product.ctl(['restart'])).exitCode, 0, 'an upgrade restarts');
  await product.must('stop');

  product.configure(`${LOCKED}allow_lockout = yes\n`);
  await product.must('check');
  await product.must('start');
  await product.must('stop');
  product.configure(LOCKED);
  writeFileSync(paths.doors, DOORS);
  await product.must('start');
  writeFileSync(paths.doors, '');
  assert.equal((await product.ctl(['reload'])).exitCode, 78, 'what was in force stays');
  await product.must('stop');
});
