import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { createLab } from '../helpers/lab.js';
import { KNOCKCTL, Product, QUICK } from '../helpers/product.js';

const DOORS = '[open]\nsequence = 7000\ntcpflags = syn\ncommand = true %IP%\n';

for (const [what, shell] of [
  // Both red with Node's process.stderr, and nobody for its errors: never armed.
  ['a reader that is gone', '"$@" 2>&1 | head -n 1'],
  ['a full disk', '"$@" >/dev/full 2>&1'],
  ['a reader that does not read', '{ head -c 65536 /dev/zero; exec "$@" 2>&1; } | sleep 1000'],
] as const) {
  test(`knockctl run goes on beside ${what}`, async () => {
    await using lab = await createLab({ backend: 'nft' });
    const product = new Product(lab, { doors: DOORS, conf: `${QUICK}[log]\nlevel = debug\n[service.ssh]\n` });
    const argv = [process.execPath, KNOCKCTL, '-c', product.paths.conf, 'run'];
    lab.spawn('server', ['/bin/bash', '-c', shell, 'run', ...argv]);
    const isArmed = async (): Promise<boolean> =>
      (await product.status().catch(() => undefined))?.state === 'armed';
    await lab.waitFor(isArmed, 'armed');
    const pid = product.identity('supervisor')?.pid;
    for (let round = 0; round < 3; round += 1) await lab.knock('client', '10.77.1.1', [7000]);
    const heard = async (): Promise<boolean> =>
      (await product.events()).filter(({ text }) => text.includes('OPEN SESAME')).length >= 3;
    await lab.waitFor(heard, 'all knocks in the history');
    assert.equal((await product.status()).state, 'armed');
    assert.equal(product.identity('supervisor')?.pid, pid);
    await product.stop();
  });
}

test('a log file that is a FIFO nobody reads holds no start up, and that is said', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const fifo = join(lab.dir, 'fifo');
  execFileSync('/usr/bin/mkfifo', [fifo]);
  const product = new Product(lab, { doors: DOORS, conf: `${QUICK}[log]\nfile = ${fifo}\n[service.ssh]\n` });
  const done = await product.ctl(['start'], { timeoutMs: 30_000 });
  assert.equal(done.exitCode, 0, done.stderr);
  // Red with O_WRONLY alone: the start hung.
  assert.match(
    done.stderr,
    /note: the log cannot be written: nobody reads the FIFO .*\/fifo; it goes on without/,
  );
  const reader = lab.spawn('server', ['/bin/cat', fifo]);
  const read = async (): Promise<boolean> => {
    await lab.knock('client', '10.77.1.1', [7000]);
    return reader.stdout.includes('OPEN SESAME');
  };
  await lab.waitFor(read, 'lines for a reader that has come');
  await product.stop();
});
