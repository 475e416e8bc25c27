import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { kernel, stage, type Stage } from './setting.js';

let scene: Stage;
before(async () => {
  scene = await stage('nft');
  await scene.product.start();
});
after(async () => {
  await scene[Symbol.asyncDispose]();
});

function batch(count: number, block: number): string[] {
  return Array.from({ length: count }, (_, index) => `100.${block}.${index >> 8}.${index & 255}`);
}

function file(name: string, text: string): string {
  const path = join(scene.lab.dir, name);
  writeFileSync(path, text);
  return path;
}

test('10,000 addresses with one bad among them: nothing is changed', async () => {
  const lines = batch(10_000, 64);
  lines[7_777] = '100.64.300.1';
  const path = file('one-bad', lines.join('\n'));
  const held = await kernel(scene.lab);
  for (const verb of ['accept', 'drop', 'trust', 'flush']) {
    const done = await scene.product.ctl([verb, '--file', path]);
    assert.equal(done.exitCode, 1, done.stderr);
    assert.match(done.stderr, /"100\.64\.300\.1"/);
    assert.equal(await kernel(scene.lab), held, verb);
  }
});

test('every line bad: the answer stays short', async () => {
  const path = file('all-bad', batch(10_000, 64).join('.bad\n'));
  const done = await scene.product.ctl(['drop', '--file', path]);
  assert.equal(done.exitCode, 1);
  assert.match(done.stderr, /and 9\d{3} more|and 9,\d{3} more/);
  assert.ok(done.stderr.length < 4_000, `${done.stderr.length} characters`);
});

test('20,000 go in as one batch, are listed, and go out again', async () => {
  const { product } = scene;
  const addresses = batch(20_000, 65);
  const text = addresses.map((address) => `${address} # imported\r\n`).join('');
  const done = await product.ctl(['drop', '-', '--timeout', '600'], { input: text });
  assert.equal(done.exitCode, 0, done.stderr);
  assert.match(done.stdout, /20[, ]?000 addresses banned for 600 s/);
  assert.deepEqual(new Set(await product.addresses('banned')), new Set(addresses));
  const out = await product.ctl(['flush', '--file', file('good', addresses.join('\n'))]);
  assert.equal(out.exitCode, 0, out.stderr);
  assert.deepEqual(await product.addresses('banned'), []);
});

test('words, a file and standard input together; the same address twice', async () => {
  const { product } = scene;
  const path = file('more', '192.0.2.21\n192.0.2.21/32\n::ffff:192.0.2.21\n');
  const done = await product.ctl(['accept', '192.0.2.20', '-', '--file', path], {
    input: '2001:DB8::0:22\n',
  });
  assert.equal(done.exitCode, 0, done.stderr);
  assert.deepEqual((await product.addresses('filter')).sort(), ['192.0.2.20', '192.0.2.21', '2001:db8::22']);
  await product.must('flush', 'filter');
});
