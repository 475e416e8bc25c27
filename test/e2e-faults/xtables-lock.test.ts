import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import type { ExecResult } from '../helpers/processes.js';
import { KNOCKCTL } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';
import { files, getsIn, jumps, kernel, SEQUENCE, ssh, stage } from './setting.js';

/** What a command that needs the lock may take: legacy iptables waits 5 s for it. */
const BOUND_MS = 15_000;

test('the xtables lock is held for long: commands end within bounds, feeding goes on', async () => {
  await using scene = await stage('legacy', {
    conf: ssh('legacy', '', '[health]\nschedule = */1 * * * * *\n'),
  });
  const { lab, product } = scene;
  const untouched = await kernel(lab);
  // One lock file serves all namespaces of a machine: a private one, so that no other test waits for ours.
  const lock = join(lab.dir, 'xtables.lock');
  writeFileSync(lock, '');
  const script = `mount --bind ${lock} /run/xtables.lock && exec "$0" "$@"`;
  const ctl = async (...args: string[]): Promise<ExecResult & { readonly ms: number }> => {
    const began = performance.now();
    const argv = ['/bin/sh', '-c', script, process.execPath, KNOCKCTL, '-c', product.paths.conf, ...args];
    const done = await lab.exec('server', argv, { timeoutMs: 60_000 });
    return { ...done, ms: performance.now() - began };
  };
  const hold = lab.spawn('server', ['/usr/bin/flock', lock, '/bin/sh', '-c', 'echo held; cat']);
  await hold.until('held\n');

  const start = await ctl('start');
  assert.equal(start.exitCode, 75, start.stderr);
  assert.match(start.stderr, /xtables lock/);
  assert.ok(start.ms < 2 * BOUND_MS, `start took ${start.ms} ms`);
  await hold.kill();
  const stop = await ctl('stop');
  assert.equal(stop.exitCode, 0, stop.stderr);
  assert.equal(await kernel(lab), untouched);

  assert.equal((await ctl('start')).exitCode, 0);
  const again = lab.spawn('server', ['/usr/bin/flock', lock, '/bin/sh', '-c', 'echo held; cat']);
  await again.until('held\n');
  const held = performance.now();
  // The sets have no lock: verbs, knocks and the switch go on.
  await product.must('accept', '192.0.2.1', '--timeout', '500');
  await lab.knock('client', ADDRESS.server[4], SEQUENCE);
  await waitFor(async () => getsIn(lab, 'client'), 2_000, 'the door to open');
  await product.must('flush', ADDRESS.client[4]);
  while (performance.now() - held < 8_000) {
    assert.equal((await product.status()).state, 'armed');
    assert.equal(await getsIn(lab, 'client'), false);
  }
  const reload = await ctl('reload');
  assert.ok([0, 75].includes(reload.exitCode), reload.stderr);
  assert.ok(reload.ms < 2 * BOUND_MS, `reload took ${reload.ms} ms`);

  const busy = await ctl('stop');
  assert.equal(busy.exitCode, 75, `${busy.stdout}${busy.stderr}`);
  assert.match(busy.stderr, /xtables lock/);
  assert.ok(busy.ms < BOUND_MS, `stop took ${busy.ms} ms`);
  await again.kill();
  const end = await ctl('stop');
  assert.equal(end.exitCode, 0, `${end.stdout}${end.stderr}`);
  assert.equal(await jumps(lab, 4), 0);
  assert.equal(await kernel(lab), untouched);
  assert.deepEqual(files(product.paths.run), ['lock']);
});
