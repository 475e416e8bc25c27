/** Files that others could have written: refused by hand; left out, and told, where a refused start would be an open port. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import type { ExecResult } from '../helpers/processes.js';
import type { Product } from '../helpers/product.js';
import { getsIn, jumps, SEQUENCE, stage, withKernelDoors } from './setting.js';

const NOBODY = 65_534;

function refused(done: ExecResult, words: RegExp): void {
  assert.equal(done.exitCode, 78, done.stdout);
  assert.match(done.stderr, words);
  assert.equal(done.stdout, '');
}

/** What `status` says, which must be 150 while something is left out. */
async function told(product: Product, words: RegExp): Promise<void> {
  const done = await product.ctl(['status']);
  assert.equal(done.exitCode, 150, done.stdout);
  assert.match(done.stdout, /knockctl is armed/);
  assert.match(done.stdout, words);
  const { leftOut } = await product.status();
  assert.ok(leftOut !== undefined && leftOut.length > 0);
}

describe('a file that others could have written', { concurrency: 2 }, () => {
  // Red without weaknessOf in strict-file.ts: it starts.
  test('the doors: refused by hand; at a boot and a restart left out, the port shut, until it is fixed', async () => {
    await using scene = await stage('nft', {
      conf: withKernelDoors('nft', 'on_failure = restore\n'),
      trusted: `${ADDRESS.client2[4]}\n`,
    });
    const { lab, product } = scene;
    const { doors } = product.paths;
    chmodSync(doors, 0o666);
    const words = new RegExp(
      `${doors}: cannot be trusted: ${doors} is owned by root, mode 0666: others can write to it; chmod go-w ${doors}`,
    );
    for (const verb of ['start', 'check', 'setup']) refused(await product.ctl([verb]), words);
    assert.equal(await jumps(lab, 4), 0, 'nothing was changed');

    await product.must('start', '--boot');
    await told(
      product,
      /left out {3}.*knockd\.conf.*its doors are left out\n +chmod go-w .*knockd\.conf, then/,
    );
    assert.equal(await getsIn(lab, 'client2'), true, 'the trusted list counts');
    await lab.knock('client', ADDRESS.server[4], SEQUENCE);
    assert.equal(await getsIn(lab, 'client'), false, 'no door of that file opens');
    await product.waitForLog(/error: .*knockd\.conf cannot be trusted: .*mode 0666/);
    const doctor = await product.ctl(['doctor']);
    assert.match(doctor.stdout, /danger.*knockd\.conf cannot be trusted/i);

    refused(await product.ctl(['reload']), words);
    assert.equal(await getsIn(lab, 'client'), false, 'what was in force stays so');
    await product.must('restart');
    await told(product, /its doors are left out/);
    chmodSync(doors, 0o600);
    await product.must('reload');
    assert.equal((await product.ctl(['status'])).exitCode, 0);
    await lab.knock('client', ADDRESS.server[4], SEQUENCE);
    await lab.waitFor(async () => getsIn(lab, 'client'), 'the door');
    await product.stop();
  });

  test('the trusted list, the template, a one-time file: each by itself, over a restart and a death', async () => {
    await using scene = await stage('legacy', {
      conf: withKernelDoors('legacy'),
      trusted: `${ADDRESS.client[4]}\n`,
    });
    const { lab, product } = scene;
    const { doors, trusted } = product.paths;
    const once = `${dirname(doors)}/once`;
    writeFileSync(once, '7001,8001\n', { mode: 0o600 });
    const more = `[once]\none_time_sequences = ${once}\ncommand = knockctl accept %IP%\n`;
    writeFileSync(doors, `${readFileSync(doors, 'utf8')}${more}`);
    await product.start();
    assert.equal(await getsIn(lab, 'client'), true);

    chownSync(trusted, NOBODY, NOBODY);
    chmodSync(once, 0o620);
    await product.must('condrestart');
    await told(
      product,
      /knockd\.trusted is owned by nobody, mode 0\d+; whom it trusts is left out\n +chown root /,
    );
    await told(product, /once cannot be trusted: .*mode 0620.*; door once is left out/);
    assert.equal(await getsIn(lab, 'client'), false, 'whom that list trusts is left out');
    assert.deepEqual(
      (await product.status()).doors.map(({ name }) => name),
      ['openSSH'],
    );
    refused(await product.ctl(['check']), /once: cannot be trusted[\s\S]*knockd\.trusted: cannot be trusted/);
    const saving = await product.ctl(['trust', '192.0.2.7', '--save']);
    assert.notEqual(saving.exitCode, 0, 'what others wrote into it would be root’s then');
    assert.equal(readFileSync(trusted, 'utf8'), `${ADDRESS.client[4]}\n`);

    await product.kill('supervisor');
    await product.must('restartifdead');
    await told(product, /whom it trusts is left out/);
    chownSync(trusted, 0, 0);
    chmodSync(once, 0o600);
    await product.must('reload');
    assert.equal((await product.ctl(['status'])).exitCode, 0);
    assert.equal(await getsIn(lab, 'client'), true);
    await product.stop();
  });

  // Red without `harmless` in config/load.ts: its doors are believed.
  test('knockctl.conf, or the folder of all: what it shuts is shut; what it would have root do is not done', async () => {
    await using scene = await stage('nft', { conf: withKernelDoors('nft') });
    const { lab, product } = scene;
    await product.start();
    chmodSync(product.paths.conf, 0o666);
    await product.must('restart');
    await told(product, /knockctl\.conf cannot be trusted: .* mode 0666.*only services/);
    const { doors, services } = await product.status();
    assert.deepEqual([doors.length, services.length], [0, 1]);
    assert.equal(await getsIn(lab, 'client'), false, 'the port is shut');
    chmodSync(product.paths.conf, 0o644);
    const { state } = product.paths;
    chmodSync(state, 0o777);
    chownSync(state, NOBODY, NOBODY);
    await product.must('restart');
    assert.deepEqual(
      [statSync(state).uid, statSync(state).mode & 0o777],
      [0, 0o700],
      'a refusal would open the port',
    );
    const folder = dirname(product.paths.conf);
    chmodSync(folder, 0o777);
    refused(
      await product.ctl(['start']).then(async () => product.ctl(['check'])),
      new RegExp(`chmod go-w ${folder}`),
    );
    chmodSync(folder, 0o755);
    await product.must('reload');
    assert.equal((await product.status()).doors.length, 1);
    await product.stop();
    assert.ok(!existsSync(`${product.paths.run}/control.sock`));
  });
});
