import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { conf, DOORS } from './setting.js';

test('the history of events outlives stop, crash and start, is shown while nobody runs, and can be followed', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { conf: conf('nft'), doors: DOORS });
  const none = await product.ctl(['events']);
  assert.deepEqual([none.exitCode, none.stdout], [1, ''], 'before the first start');
  assert.match(none.stderr, /no supervisor is running, so there are no events/);
  await product.start();
  await product.must('accept', '192.0.2.1');
  await product.stop();

  const first = await product.events();
  assert.ok(first.some(({ text }) => text.startsWith('192.0.2.1 accepted')));
  assert.ok(
    first.some(({ text }) => text.startsWith('stopped: ')),
    'the end is told too',
  );
  const shown = await product.ctl(['events']);
  assert.match(shown.stderr, /^note: no supervisor is running: these are the events on disk$/m);
  const nobody = await product.ctl(['events', '--follow']);
  assert.equal(nobody.exitCode, 1);
  assert.match(nobody.stdout, /192\.0\.2\.1 accepted/);
  assert.match(nobody.stderr, /no supervisor is running: nothing more to follow\n {2}knockctl start/);

  await product.start();
  await product.must('accept', '192.0.2.2');
  const following = product.spawn(['events', '--follow', '--json']);
  await following.until('192.0.2.2 accepted');
  await product.must('accept', '192.0.2.3');
  await following.until('192.0.2.3 accepted');
  await following.kill();
  await product.kill('supervisor');
  await product.must('accept', '192.0.2.4');
  const dead = await product.events();
  assert.deepEqual(dead.slice(0, first.length), first, 'what was, stays');
  assert.deepEqual(
    dead.flatMap(({ text }) => /^192\.0\.2\.\d accepted/.exec(text)?.[0].split(' ')[0] ?? []),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'],
    'and what was done without a supervisor is in it',
  );
  assert.deepEqual(
    dead.map(({ number }) => number),
    dead.map((_, index) => index + 1),
    'numbers go on',
  );

  // A crash in the middle of a line, and a line that somebody changed.
  const path = join(product.paths.state, 'events.jsonl');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const lines = readFileSync(path, 'utf8').split('\n');
  lines[2] = (lines[2] ?? '').replace('"number":3', '"number":999999999');
  writeFileSync(path, `${lines.join('\n')}{"number":`);
  await product.start();
  const last = await product.events();
  const numbers = last.map(({ number }) => number);
  assert.ok(!numbers.includes(3) && numbers.includes(4));
  assert.ok(Math.max(...numbers) < 2 * dead.length + 20, 'a number that cannot be is not gone on from');
  assert.deepEqual(
    numbers,
    [...new Set(numbers)].sort((a, b) => a - b),
  );
  await product.stop();
});
