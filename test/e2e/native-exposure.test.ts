/** Base chains of nft beside the tables of iptables: status says what they do to our ports and knocks, as long as they do. */
import assert from 'node:assert/strict';

import type { ExposureReport } from '../../src/wire/reports.js';
import { inTurn, OPEN, type Setting } from './setting.js';

async function nft({ lab }: Setting, ...lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    const { exitCode, stderr } = await lab.exec('server', ['/usr/sbin/nft', ...line.split(' ')]);
    assert.equal(exitCode, 0, `${line}: ${stderr}`);
  }
}

async function told({ product, family }: Setting): Promise<ExposureReport[]> {
  const { exposures } = await product.status();
  return exposures.filter((one) => one.family === family && one.table === 'inet mine');
}

/** By the command that is named. */
async function fixed({ lab }: Setting, one: ExposureReport | undefined): Promise<void> {
  const [command = ''] = (one?.fix ?? '').split(', and');
  const { exitCode, stderr } = await lab.exec('server', ['/bin/sh', '-c', command]);
  assert.equal(exitCode, 0, `${command}: ${stderr}`);
}

inTurn('a table of nft: redirect opens, drop keeps out, knocks are dropped', {}, async (setting) => {
  const { lab, product } = setting;
  await lab.tcpEcho('server', 2222);
  await product.start();
  assert.deepEqual(await told(setting), []);
  await nft(
    setting,
    'add table inet mine',
    'add chain inet mine nat { type nat hook prerouting priority -100 ; }',
    'add chain inet mine early { type filter hook prerouting priority -300 ; }',
    'add rule inet mine nat tcp dport { 22, 23 } redirect to :2222',
  );
  assert.equal(await setting.gets('client'), true, 'it is sent past our jump');
  const [open] = await told(setting);
  assert.deepEqual([open?.kind, open?.sources], ['open', 'everybody']);
  const shown = await product.ctl(['status']);
  assert.equal(shown.exitCode, 150);
  assert.match(
    shown.stdout,
    /NOT PROTECTED .*in table inet mine of nft, the rule .*redirect to :2222.* past our jump/,
  );
  await fixed(setting, open);
  assert.deepEqual(await told(setting), []);
  assert.equal(await setting.gets('client'), false);

  await nft(setting, 'add rule inet mine early tcp dport 8000 drop');
  const [knock] = await told(setting);
  assert.deepEqual([knock?.kind, knock?.ports], ['knock', [8000]]);
  await setting.knock('client', OPEN);
  await setting.opens('client'); // the listener hears what comes to the host
  assert.equal((await product.status()).doors[0]?.knocks, 0, 'the kernel does not');
  await fixed(setting, knock);

  await nft(setting, 'add rule inet mine early tcp dport 22 drop');
  assert.equal(await setting.gets('client'), false);
  const [refused] = await told(setting);
  assert.deepEqual([refused?.kind, refused?.sources], ['refused', 'everybody']);
  await fixed(setting, refused);
  assert.equal(await setting.gets('client'), true);
  assert.deepEqual(await told(setting), []);
  await product.stop();
});

const UDP = { service: 'protocol = udp\nports = 5353' };

inTurn('notrack in a table of nft opens nothing: what is not tracked counts as new', UDP, async (setting) => {
  const { product } = setting;
  await product.start();
  await nft(
    setting,
    'add table inet mine',
    'add chain inet mine early { type filter hook prerouting priority -300 ; }',
    'add rule inet mine early udp dport 5353 notrack',
  );
  assert.deepEqual(await told(setting), []);
  await product.stop();
});
