/** `knockctl confirm`: whoever has not knocked is asked. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Dialogue } from '../../helpers/dialogue.js';
import { KNOCKCTL } from '../../helpers/product.js';
import { newcomer } from './init/newcomer.js';

test('asks at a terminal when nobody has knocked, only says it without one, and is silent after a knock', async () => {
  await using host = await newcomer();
  const confirm = (): Dialogue =>
    new Dialogue(host.lab, 'server', [process.execPath, KNOCKCTL, '-c', host.conf, 'confirm']);
  assert.equal((await host.ctl('init', '--yes', '--port', '2222', '--service', 'ssh')).exitCode, 0);
  assert.equal((await host.ctl('start', '--trial', '300')).exitCode, 0);
  const asked = confirm();
  await asked.answers('Keep it all the same? [no]', '');
  const { code, text } = await asked.ends();
  assert.equal(code, 1, text);
  assert.match(asked.text, /no knock has been heard since the trial began: .*locked out once this is kept/);
  assert.match(text, /not confirmed: knock, see "OPEN SESAME"/);
  assert.equal((await host.ctl('status')).exitCode, 150, 'still on trial');

  await host.knock();
  await host.lab.waitFor(async () => (await host.ctl('events')).stdout.includes('OPEN SESAME'), 'the knock');
  const kept = confirm();
  assert.equal((await kept.ends()).code, 0);
  assert.match(kept.text, /^confirmed: the change is in force for good/);
  assert.equal((await host.ctl('reload', '--trial', '300')).exitCode, 0);

  const script = await host.ctl('confirm');
  assert.equal(script.exitCode, 0);
  assert.match(script.stderr, /^note: no knock has been heard since the trial began/);
  assert.equal((await host.ctl('stop')).exitCode, 0);
});
