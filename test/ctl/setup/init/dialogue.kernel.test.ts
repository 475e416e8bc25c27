/** `knockctl init` as somebody has it who sits at a terminal: with real packets, and a real trial. */
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { readIfExists } from '../../../../src/system/files.js';
import type { Dialogue } from '../../../helpers/dialogue.js';
import { ADDRESS } from '../../../helpers/lab.js';
import { CALLER, HOST, newcomer, PORT } from './newcomer.js';

/** From the first question to the trial: all as it is proposed, but for whether the own address is trusted. */
async function answerAll(dialogue: Dialogue, trustsSelf = ''): Promise<void> {
  await dialogue.answers(`Which port is to be hidden? [${PORT}]`, '');
  await dialogue.answers('A name for the service? [ssh]', '');
  await dialogue.answers('The sequence? [', '');
  await dialogue.answers(`(name or address)? [${HOST}]`, '');
  await dialogue.hears(`You are logged in from ${CALLER}.`);
  await dialogue.answers('without a knock? [no]', trustsSelf);
  await dialogue.answers('none will do)? [none]', '');
  await dialogue.answers('Which one? [hold]', '');
  await dialogue.answers('knockctl.conf? [yes]', '');
}

async function untilOnTrial(dialogue: Dialogue): Promise<void> {
  await dialogue.answers('Begin the trial? [yes]', '');
  await dialogue.hears('Did you get in? [no]');
}

describe('init at a terminal', () => {
  test('answers, files, trial, a knock that is heard, yes: in force for good', async () => {
    await using host = await newcomer();
    const { lab } = host;
    const session = await lab.openSession('client', HOST, PORT);
    const dialogue = host.init();
    await answerAll(dialogue);
    await dialogue.hears(`wrote ${host.folder}`);
    for (const name of ['knockctl.conf', 'knockd.conf', 'knockd.trusted'])
      assert.equal(statSync(join(host.folder, name)).mode & 0o777, 0o600, name);
    assert.equal(host.sequence.length, 4);
    assert.ok(
      dialogue.text.includes(`knock ${HOST} ${host.sequence.join(' ')} --then ssh -p ${PORT} ${HOST}`),
    );
    assert.equal(await host.getsIn(), true, 'nothing is shut before the trial');

    await untilOnTrial(dialogue);
    assert.equal(await host.getsIn(), false, 'the address of the session is not let in for the trial');
    assert.ok(await session.echo('on trial'), 'the session goes on');
    await host.knock();
    await lab.waitFor(async () => host.getsIn(), 'the open port');
    assert.equal(await host.getsIn('client2'), false);
    dialogue.says('yes');
    const { code, text } = await dialogue.ends();
    assert.equal(code, 0, dialogue.text);
    assert.match(text, new RegExp(`The knock of ${CALLER} was heard\\.`));
    assert.match(text, /confirmed: the change is in force for good/);
    assert.doesNotMatch(dialogue.text, /each boot/, 'the unit is not for files of -c');

    const status = await host.ctl('status');
    assert.equal(status.exitCode, 0, status.stdout);
    assert.equal(await host.getsIn(), true);
    assert.equal(await host.getsIn('client2'), false, 'who did not knock');
    assert.ok(await session.echo('confirmed'));
  });

  test('no knock arrives: yes is questioned, and not kept by itself', async () => {
    await using host = await newcomer();
    const dialogue = host.init();
    await answerAll(dialogue);
    await untilOnTrial(dialogue);
    dialogue.says('yes');
    const said = await dialogue.answers('Keep it all the same? [no]', '');
    assert.match(said, /No knock was heard: you were let in otherwise/);
    assert.match(said, /a firewall in front of this host that lets only port 22 through/);
    const { code, text } = await dialogue.ends();
    assert.equal(code, 0);
    assert.match(text, /all of it is taken out again, and nothing is shut; the files stay/);
    assert.match(text, new RegExp(`Once more: knockctl -c ${host.conf} start --trial 300, then knockctl -c`));
    assert.equal(await host.isGone(), true);
    for (const place of ['client', 'client2'] as const) assert.equal(await host.getsIn(place), true);
  });

  test('left alone in the midst of the trial: it is said when the kernel goes back', async () => {
    await using host = await newcomer();
    const dialogue = host.init();
    await answerAll(dialogue);
    await untilOnTrial(dialogue);
    dialogue.interrupts();
    const { code, text } = await dialogue.ends();
    assert.equal(code, 1);
    assert.match(text, /nothing was confirmed: the kernel goes back by itself at \d\d:\d\d:\d\d/);
    const status = await host.ctl('status');
    assert.match(status.stdout, /on trial/);
    // Whoever looks after it in another session can still keep it.
    assert.equal((await host.ctl('confirm')).exitCode, 0);
  });

  test('a trusted address gets in without a knock: that is said, and shows nothing about knocks', async () => {
    await using host = await newcomer();
    const dialogue = host.init();
    await answerAll(dialogue, 'yes');
    const said = await dialogue
      .answers('Begin the trial? [yes]', '')
      .then(() => dialogue.hears('Did you get in?'));
    assert.match(
      said,
      new RegExp(`${CALLER} is trusted, and gets in without a knock: .* only another address`),
    );
    assert.equal(await host.getsIn(), true);
    assert.equal(await host.getsIn('client2'), false);
    dialogue.says('yes');
    const asked = await dialogue.answers('Keep it all the same? [no]', 'yes');
    assert.match(asked, new RegExp(`No knock was heard: you got in because ${CALLER} is trusted`));
    assert.equal((await dialogue.ends()).code, 0);
    assert.equal((await host.ctl('status')).exitCode, 0, 'who wants it all the same has it');
    assert.equal(await host.getsIn(), true);
  });

  test('the answer comes too late: nothing is shut, and it can be tried once more', async () => {
    await using host = await newcomer();
    const dialogue = host.init();
    await answerAll(dialogue);
    await untilOnTrial(dialogue);
    await host.knock();
    await host.timeIsUp();
    await host.untilStopped();
    const late = await host.ctl('confirm');
    assert.equal(late.exitCode, 1);
    assert.match(late.stderr, /too late: .*: nothing is shut\n +knockctl start --trial S tries it again/);
    assert.doesNotMatch(late.stderr, /dead/);
    dialogue.says('yes');
    await dialogue.hears('the kernel has gone back, and nothing is shut.');
    assert.equal(await host.getsIn('client2'), true);
    await dialogue.answers('Try it once more? [yes]', '');
    // Who was accepted stays so, by the entries on disk: that knock was heard in another trial.
    const again = await dialogue.hears('Did you get in? [no]');
    assert.match(again, new RegExp(`${CALLER} is in already, and gets in without a knock`));
    dialogue.says('yes');
    const asked = await dialogue.hears('Keep it all the same? [no]');
    assert.match(asked, new RegExp(`No knock was heard: you got in because ${CALLER} was let in before`));
    // Late again, while the supervisor has not followed the kernel yet.
    await host.timeIsUp();
    dialogue.says('yes');
    await dialogue.hears('the kernel has gone back, and nothing is shut.');
    await dialogue.answers('Try it once more? [yes]', 'no');
    assert.equal((await dialogue.ends()).code, 0);
    assert.equal(await host.isGone(), true);
  });

  test('while it runs: by a reload on trial, and the old knock holds until then', async () => {
    await using host = await newcomer();
    const { lab } = host;
    assert.equal((await host.ctl('init', '--yes', '--port', String(PORT), '--service', 'ssh')).exitCode, 0);
    const old = host.sequence;
    assert.equal((await host.ctl('start')).exitCode, 0);
    const flags = await host.ctl('init', '--yes', '--force', '--port', String(PORT));
    assert.equal(flags.exitCode, 0, flags.stderr);
    assert.match(flags.stdout, new RegExp(`next, .*: knockctl -c ${host.conf} reload --trial 300, then`));
    assert.match(flags.stdout, /knockctl is running: the old knock holds until then/);

    const dialogue = host.init('--force');
    await answerAll(dialogue);
    await untilOnTrial(dialogue);
    assert.equal(await host.getsIn(), false);
    // The kernel recognises the door of before, which has the same name: that is no knock at the new one.
    await host.knock(old);
    await lab.waitFor(async () => host.getsIn(), 'the old knock to open');
    dialogue.says('yes');
    const said = await dialogue.answers('Keep it all the same? [no]', '');
    assert.match(said, new RegExp(`No knock was heard: you got in because ${CALLER} was let in before`));
    const { code, text } = await dialogue.ends();
    assert.equal(code, 0);
    assert.match(text, /the kernel goes back by itself at \d\d:\d\d:\d\d to what was in force before/);
    assert.notEqual((await host.ctl('status')).exitCode, 3, 'what was in force before is not stopped');
    await host.timeIsUp();
    await lab.waitFor(async () => (await host.ctl('status')).exitCode === 0, 'the reload back');

    const second = host.init('--force');
    await answerAll(second);
    await untilOnTrial(second);
    await host.knock();
    await lab.waitFor(
      () => readIfExists(join(host.folder, 'state/events.jsonl.knocks'))?.split('OPEN SESAME').length === 2,
      'the new knock',
    );
    second.says('yes');
    assert.equal((await second.ends()).code, 0, second.text);
    assert.match(second.text, /was heard/);
    assert.equal((await host.ctl('status')).exitCode, 0);
  });
});

test('init beside a rule that lets a network in: it is trusted, and no rule opens any more', async () => {
  await using host = await newcomer();
  const { lab } = host;
  const front = (line: string): string[] => ['-I', 'INPUT', ...line.split(' '), '-j', 'ACCEPT'];
  await lab.iptables('server', 4, front(`-s ${ADDRESS.client2[4]}/32`));
  const dialogue = host.init();
  await dialogue.answers(`Which port is to be hidden? [${PORT}]`, '');
  await dialogue.answers('A name for the service? [ssh]', '');
  await dialogue.answers('The sequence? [', '');
  await dialogue.answers(`(name or address)? [${HOST}]`, '');
  await dialogue.answers('without a knock? [no]', '');
  await dialogue.answers('none will do)? [none]', '');
  await dialogue.answers(`gate = strict, and trust ${ADDRESS.client2[4]}/32? [yes]`, '');
  await dialogue.answers('Which one? [hold]', '');
  await dialogue.answers('knockctl.conf? [yes]', '');
  await untilOnTrial(dialogue);
  await lab.iptables('server', 4, front('-p tcp'));
  assert.equal(await host.getsIn(), false, 'a rule opens nothing');
  assert.equal(await host.getsIn('client2'), true, 'who was let in by a rule still is');
  await host.knock();
  await lab.waitFor(async () => host.getsIn(), 'the open port');
  dialogue.says('yes');
  assert.equal((await dialogue.ends()).code, 0, dialogue.text);
  assert.match(host.read('knockctl.conf'), /^gate +(= )?= ?strict$|^gate += strict$/m);
});
