/** Rules of others in front of our jump: status says who gets in by them, as long as they stand. */
import assert from 'node:assert/strict';

import type { ExposureReport } from '../../src/wire/reports.js';
import { everywhere, OPEN, type Setting } from './setting.js';

/** What is told of one kind for the family that is looked at. */
async function told({ product, family }: Setting, kind: ExposureReport['kind']): Promise<ExposureReport[]> {
  const { exposures } = await product.status();
  return exposures.filter((one) => one.kind === kind && one.family === family);
}

async function isOpen(setting: Setting, rule: readonly string[], sources: string): Promise<void> {
  const { lab, product, family } = setting;
  await lab.iptables('server', family, ['-I', ...rule]);
  assert.equal(await setting.gets('client'), true, rule.join(' '));
  const [one, ...others] = await told(setting, 'open');
  assert.equal(one?.sources, sources);
  assert.deepEqual(others, []);
  const status = await product.status();
  assert.deepEqual([status.state, status.protected], ['exposed', false]);
  const shown = await product.ctl(['status']);
  assert.equal(shown.exitCode, 150);
  assert.match(shown.stdout, /^knockctl is exposed: NOT PROTECTED/);
  assert.match(shown.stdout, new RegExp(`IPv${family}: rule ${one.number} of ${one.chain ?? ''} `));
  // The command that is named mends it.
  const [command = ''] = (one.mend ?? '').split(';');
  const mended = await lab.exec('server', ['/bin/sh', '-c', command]);
  assert.equal(mended.exitCode, 0, mended.stderr);
  assert.deepEqual(await told(setting, 'open'), []);
  assert.equal((await product.ctl(['status'])).exitCode, 0);
  assert.equal(await setting.gets('client'), false);
}

everywhere('an ACCEPT in front of our jump is told, and its end', {}, async (setting) => {
  const { lab, product, family } = setting;
  await product.start();
  assert.equal((await product.status()).protected, true);
  assert.deepEqual((await product.status()).exposures, []);

  await lab.iptables('server', family, ['-N', 'mine']);
  await lab.iptables('server', family, ['-A', 'mine', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT']);
  await isOpen(setting, ['INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'], 'everybody');
  await isOpen(setting, ['INPUT', '-m', 'conntrack', '--ctstate', 'NEW', '-j', 'ACCEPT'], 'everybody');
  await isOpen(setting, ['INPUT', '-i', 'eth0', '-j', 'ACCEPT'], 'everybody by eth0');
  await isOpen(setting, ['INPUT', '-j', 'mine'], 'everybody');

  // With nobody asking, the next look finds it, tells it once, and does nothing else: no restart, no repair.
  await lab.iptables('server', family, ['-F', 'mine']);
  const { pid, repairs } = await product.status();
  await lab.iptables('server', family, ['-I', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT']);
  await product.waitForLog(/^error: NOT PROTECTED: .*rule 1 of INPUT \(-A INPUT -p tcp -j ACCEPT\)/);
  const during = await product.status();
  assert.deepEqual([during.pid, during.repairs.count], [pid, repairs.count]);
  assert.notEqual(during.services[0]?.switchLeft, null);
  await lab.iptables('server', family, ['-D', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT']);
  await product.waitForLog(/^protected again: .*rule 1 of INPUT \(-A INPUT -p tcp -j ACCEPT\)/);
  const events = (await product.events()).filter(({ kind }) => kind === 'exposure');
  assert.match(events.at(-2)?.text ?? '', /^NOT PROTECTED/);
  assert.match(events.at(-1)?.text ?? '', /^protected again/);

  // Who restarts while it is open is told at once.
  await lab.iptables('server', family, ['-I', 'INPUT', '-p', 'tcp', '-j', 'ACCEPT']);
  assert.match((await product.ctl(['restart'])).stderr, /NOT PROTECTED: /);
  await product.stop();
});

everywhere('an exception is named, and is no alarm; a DROP in front is told', {}, async (setting) => {
  const { lab, product, family, client, client2 } = setting;
  await product.start();
  await lab.iptables('server', family, ['-I', 'INPUT', '-s', client2, '-j', 'ACCEPT']);
  assert.equal(await setting.gets('client2'), true);
  assert.equal(await setting.gets('client'), false);
  const [exception] = await told(setting, 'exception');
  assert.equal(exception?.sources, client2);
  const shown = await product.ctl(['status']);
  assert.equal(shown.exitCode, 0);
  assert.match(shown.stdout, new RegExp(`exception .*lets in ${client2} at tcp port 22 without a knock`));

  await lab.iptables('server', family, ['-I', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'DROP']);
  await setting.knock('client', OPEN);
  await lab.waitFor(async () => (await product.addresses('filter')).includes(client), 'the knock to be heard');
  assert.equal(await setting.gets('client'), false);
  const [refused] = await told(setting, 'refused');
  assert.equal(refused?.sources, 'everybody');
  assert.match((await product.ctl(['status'])).stdout, /shut to all .*keeps out everybody at tcp port 22/);
  await lab.iptables('server', family, ['-I', 'INPUT', '-p', 'tcp', '--dport', '8000', '-j', 'DROP']);
  const [knock] = await told(setting, 'knock');
  assert.deepEqual(knock?.ports, [8000]);
  await product.stop();
});
