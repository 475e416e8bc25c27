import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { inMountNamespace } from '../helpers/node-child.js';
import { getsIn, SEQUENCE, ssh, stage } from './setting.js';

// Red with replaceFile outside of its try in ListenerController: the new listener is ended as soon as it hears, again and again.
test('no space in the run folder: a new listener stays, knocks open, and a line says what is not recorded', async () => {
  await using scene = await stage('nft');
  const { lab, product } = scene;
  const log = `${lab.dir}/knockctl.log`;
  product.configure(ssh('nft', '', `[log]\nfile = ${log}\n`));
  const { run } = product.paths;
  mkdirSync(run, { mode: 0o700 });
  const holder = lab.spawn('server', [
    ...inMountNamespace(`mount -t tmpfs -o size=64k,mode=700 none ${run}`),
    ...['/bin/sh', '-c', 'echo mounted; exec cat'],
  ]);
  await holder.until('mounted\n');
  product.before = ['/usr/bin/nsenter', '--mount', `--target=${holder.pid}`, '--'];
  await product.start();
  const filler = `/proc/${holder.pid}/root${run}/filler`;
  assert.throws(() => {
    writeFileSync(filler, 'x'.repeat(1_000_000));
  }, /ENOSPC/);

  const listener = async (): Promise<number> => (await product.status()).listener?.pid ?? 0;
  const first = await listener();
  process.kill(first, 'SIGKILL');
  const said = (pattern: RegExp): string[] => product.log(log).filter((line) => pattern.test(line));
  await lab.waitFor(async () => {
    const { state, listener: now } = await product.status();
    return state === 'armed' && now !== null && now.pid !== null && now.pid !== first;
  }, 'a new listener');
  const pid = await listener();
  const recorded = said(/cannot record the listener in .*\/run\/listener: no space is left/);
  assert.equal(recorded.length, 1, product.log(log).join('\n'));
  assert.equal(said(/listener lost/).length, 1, 'the one that was killed');

  await lab.knock('client', ADDRESS.server[4], SEQUENCE);
  await lab.waitFor(async () => getsIn(lab, 'client'), 'the knock to open');
  assert.deepEqual([(await product.status()).state, await listener()], ['armed', pid]);
  assert.equal(said(/^(?:error: )?tripped|listener lost/).length, 1);

  rmSync(filler);
  process.kill(pid, 'SIGKILL');
  await lab.waitFor(async () => ![0, pid].includes(await listener()), 'another listener');
  await product.waitForState('armed');
  assert.equal(said(/cannot record the listener/).length, 1, 'said once');
});
