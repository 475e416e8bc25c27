import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import type { ExecResult } from '../helpers/processes.js';
import { kernel, PORT } from './setting.js';
import { assertOpen, OTHER, patient, traces, trialStage, untilOpen, watch } from './trial-setting.js';

function refused(done: ExecResult, words: RegExp): void {
  assert.equal(done.exitCode, 1, `${done.stdout}${done.stderr}`);
  assert.match(done.stderr, words);
}

test('what is said and done while a change is on trial, after it, and without one', async () => {
  await using scene = await trialStage('nft');
  const { lab, product } = scene;
  const untouched = await kernel(lab);
  refused(await product.ctl(['confirm']), /knockctl is not running/);
  await product.start();
  refused(await product.ctl(['confirm']), /nothing is on trial: there is nothing to confirm/);
  refused(await product.ctl(['start', '--trial', '60']), /running already[\s\S]*reload --trial/);

  product.configure(patient('nft', '', OTHER));
  const on = await product.ctl(['reload', '--trial', '60', '--json']);
  const document: unknown = JSON.parse(on.stdout);
  assert.match(JSON.stringify(document), /"verb":"reload","trial":\{"until":"20.*Z"\},"exitCode":0/);
  for (const words of [['reload'], ['reload', '--trial', '30'], ['restart'], ['condrestart']]) {
    refused(
      await product.ctl(words),
      /a change is on trial until \d\d:\d\d:\d\d: nothing was changed[\s\S]*knockctl confirm keeps it/,
    );
  }
  const status = await product.ctl(['status']);
  assert.equal(status.exitCode, 150);
  assert.match(
    status.stdout,
    /knockctl is trial: .*\n {2}on trial {3}\d+ s left, until .*: knockctl confirm keeps it/,
  );
  const report = await product.status();
  assert.ok(
    report.state === 'trial' && report.trial !== null && report.trial.left > 20 && report.trial.left <= 60,
  );
  assert.ok(
    (await product.events()).some(({ kind, text }) => kind === 'trial' && text.includes('confirm keeps it')),
  );

  // Somebody takes the timer out: the kernel has gone back, and so do we.
  await lab.exec('server', ['/usr/sbin/ipset', 'flush', 'ssh_trial']);
  await assertOpen(lab, [OTHER], 'without the timer');
  refused(await product.ctl(['confirm']), /too late/);
  await product.waitForLog(/the trial is over, its timer was taken out of the kernel/);
  await product.waitForState('armed');
  refused(await product.ctl(['confirm']), /too late: the change was on trial until/);
  assert.match(
    (await product.status()).unconfirmed ?? '',
    /not confirmed: the files on disk are not in force/,
  );

  // A restart keeps to what was in force before; so does SIGHUP, which a log rotation sends.
  const restarted = await product.ctl(['restart']);
  assert.equal(restarted.exitCode, 0);
  assert.match(
    restarted.stderr,
    /was not confirmed: the one from before it is in force, not .*knockctl\.conf/,
  );
  await assertOpen(lab, [OTHER], 'after a restart');
  product.signal('supervisor', 'SIGHUP');
  await product.waitForLog(/not reloaded, the old configuration stays: this configuration was on trial/);
  // Files that were changed since are an administrator's word.
  product.configure(`${patient('nft', '', OTHER)}\n`);
  await product.must('reload');
  await assertOpen(lab, [PORT], 'changed files');
  assert.equal((await product.status()).unconfirmed, null);

  // A stop ends a trial and everything else; what was tried stays out of force.
  product.configure(patient('nft'));
  await product.must('reload', '--trial', '60');
  await product.stop();
  assert.equal(await kernel(lab), untouched);
  const again = await product.ctl(['start']);
  assert.equal(again.exitCode, 0);
  assert.match(again.stderr, /was not confirmed/);
  await assertOpen(lab, [PORT], 'as before the trial');
  assert.deepEqual(await traces(lab), []);

  // A note that cannot be believed: nobody knows what was confirmed.
  await product.stop();
  const note = join(product.paths.state, 'unconfirmed.json');
  writeFileSync(note, readFileSync(note, 'utf8').slice(0, -20), { mode: 0o600 });
  const damaged = await product.ctl(['start']);
  assert.equal(damaged.exitCode, 78);
  assert.match(damaged.stderr, /unconfirmed\.json is damaged[\s\S]*look over the files, remove it/);
  assert.equal(await kernel(lab), untouched);
});

test('the supervisor dies on trial: the next one begins with the rules of before, at once', async () => {
  await using scene = await trialStage('nft');
  const { lab, product } = scene;
  const session = await lab.openSession('client', ADDRESS.server[6], PORT);
  await product.start();
  const held = await kernel(lab);
  const stranger = await watch(lab, 'client', { family: 4, port: PORT }, 20);
  const guest = await watch(lab, 'client2', { family: 6, port: PORT }, 25);
  const web = '[service.web]\nports = 3334\n';
  product.configure(`${patient('nft', 'on_failure = hold\n', `${PORT}, ${OTHER}`)}${web}`);
  await product.must('reload', '--trial', '60');
  await assertOpen(lab, [], 'on trial');
  await product.kill('supervisor');
  refused(await product.ctl(['confirm']), /the supervisor is dead: what was on trial cannot be confirmed/);
  refused(await product.ctl(['start', '--trial', '60']), /rules of a previous run are in force/);
  await assertOpen(lab, [], 'the kernel keeps to its timer');
  const again = await product.ctl(['restartifdead']);
  assert.equal(again.exitCode, 0);
  assert.match(again.stderr, /was not confirmed/);
  await product.waitForState('armed');
  await assertOpen(lab, [OTHER], 'under the next one');
  assert.equal(await kernel(lab), held);
  assert.equal((await stranger.end()).filter((one) => one.connected).length, 0, 'a stranger got in');
  assert.equal((await guest.end()).filter((one) => !one.connected).length, 0, 'a guest was refused');
  assert.ok(await session.echo('at the end'));
  await product.stop();
  assert.equal((await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout, '');
});

/** A template that only the kernel can refuse. */
const REFUSED = `*filter
:@SERVICE@_policy - [0:0]
-A @CHAIN@ -p @PROTOCOL@ -m multiport --dports @PORTS@ -m comment --comment "knockctl:@SERVICE@" -j @SERVICE@_policy
-A @SERVICE@_policy -j NOSUCHTARGET
COMMIT
`;

test('a trial that cannot begin leaves everything as it was', async () => {
  await using scene = await trialStage('legacy');
  const { lab, product } = scene;
  const spoil = (): void => {
    mkdirSync(product.paths.rules);
    writeFileSync(join(product.paths.rules, 'service.rules'), REFUSED);
  };
  const fix = (): void => {
    rmSync(product.paths.rules, { recursive: true });
  };
  product.configure(patient('legacy'));
  spoil();
  const untouched = await kernel(lab);
  const failed = await product.ctl(['start', '--trial', '60']);
  assert.equal(failed.exitCode, 69, failed.stderr);
  assert.match(failed.stderr, /NOSUCHTARGET/);
  assert.equal(await kernel(lab), untouched);
  fix();
  await product.start();
  const held = await kernel(lab);
  product.configure(patient('legacy', '', OTHER));
  spoil();
  const reload = await product.ctl(['reload', '--trial', '60']);
  assert.equal(reload.exitCode, 69, reload.stderr);
  await lab.waitFor(async () => (await kernel(lab)) === held, 'the rules of before');
  await product.waitForState('armed');
  await assertOpen(lab, [OTHER], 'as before');
  fix();
  product.configure(`${patient('legacy')}\n`);
  await product.must('reload');
});

test('the caller’s own SSH session: warned, and let in for a trial', async () => {
  await using scene = await trialStage('nft');
  const { lab, product } = scene;
  const peer = ADDRESS.client[4];
  const env = { SSH_CONNECTION: `${peer} 50000 ${ADDRESS.server[4]} ${PORT}` };
  const started = await product.ctl(['start'], { env });
  assert.equal(started.exitCode, 0);
  const warning = `your own SSH session comes from ${peer}, which could not connect to ssh any more`;
  assert.ok(started.stderr.includes(`${warning}: knockctl trust ${peer} lets it in`), started.stderr);
  assert.deepEqual(await product.addresses('filter'), []);
  // A session at a port that is not protected, or of one who is trusted, is in no danger.
  const others = [
    `${peer} 1 ${ADDRESS.server[4]} 22`,
    `${ADDRESS.client2[4]} 1 ${ADDRESS.server[4]} ${PORT}`,
  ];
  for (const connection of others) {
    const calm = await product.ctl(['reload'], { env: { SSH_CONNECTION: connection } });
    assert.equal(calm.stderr, '');
  }
  product.configure(patient('nft', '', `${PORT}, ${OTHER}`));
  const tried = await product.ctl(['reload', '--trial', '10'], { env });
  assert.ok(tried.stderr.includes(`${warning}: let in for the 10 s of the trial`), tried.stderr);
  const [entry] = await product.list('filter');
  assert.equal(entry?.address, peer);
  assert.equal(entry.by, 'trial');
  assert.ok(entry.timeout !== null && entry.timeout <= 10);
  for (const port of [PORT, OTHER]) assert.ok(await lab.canConnect('client', ADDRESS.server[4], port, 400));
  await untilOpen(lab, [OTHER]);
});
