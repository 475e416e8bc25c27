/** What is not shut is never said to be: no service, a chain that is not there, a chain that nobody leads to. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLab } from '../helpers/lab.js';
import { Product, QUICK } from '../helpers/product.js';
import { BACKENDS, inTurn } from './setting.js';

/** No verb: a door with one would have the service `ssh` come by itself. */
const PLAIN = '[open]\nsequence = 7000,8000\ntcpflags = syn\ncommand = /bin/true %IP%\n';

for (const backend of BACKENDS) {
  test(`with no service nothing is shut, and status says so (${backend})`, async () => {
    await using lab = await createLab({ backend });
    const product = new Product(lab, { conf: QUICK, doors: PLAIN });
    await product.start();
    const shown = await product.ctl(['status']);
    assert.equal(shown.exitCode, 0);
    assert.match(shown.stdout, /^knockctl is armed: nothing is shut/);
    assert.equal((await product.status()).protected, null);
    assert.ok(!product.log().some((line) => line.includes('shut to all but')));
    await product.stop();
  });
}

const MINE = { service: 'chain = mine' };

inTurn('a chain that is not there is a failure, and one that nobody leads to', MINE, async (setting) => {
  const { lab, product, family } = setting;
  const before = await lab.save('server', family);
  const refused = await product.ctl(['start']);
  assert.equal(refused.exitCode, 78, refused.stderr);
  assert.match(
    refused.stderr,
    /there is no chain mine \(IPv4 and IPv6\): service ssh would not be protected/,
  );
  assert.equal(await lab.save('server', family), before, 'nothing is left');

  for (const each of [4, 6] as const) await lab.iptables('server', each, ['-N', 'mine']);
  const started = await product.ctl(['start']);
  assert.equal(started.exitCode, 0, started.stderr);
  assert.match(started.stderr, /NOT PROTECTED: IPv4: packets that never reach knockctl's jump in mine/);
  assert.equal(await setting.gets('client'), true);
  assert.equal((await product.status()).state, 'exposed');
  for (const each of [4, 6] as const) await lab.iptables('server', each, ['-A', 'INPUT', '-j', 'mine']);
  const { state, exposures } = await product.status();
  assert.deepEqual([state, exposures], ['armed', []]);
  assert.equal(await setting.gets('client'), false);

  // It goes while we run: the supervisor goes on, and says so.
  await lab.iptables('server', family, ['-D', 'INPUT', '-j', 'mine']);
  const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${lab.backend}-restore`;
  const input = '*filter\n-F mine\n-X mine\nCOMMIT\n';
  assert.equal((await lab.exec('server', [tool, '--noflush', '-w', '20'], { input })).exitCode, 0);
  await lab.waitFor(
    async () => (await product.status()).meaning.includes('there is no chain mine'),
    'status to say that the chain is gone',
  );
  assert.equal((await product.ctl(['status'])).exitCode, 150);
  await product.stop();
});

inTurn('check and doctor name the rule in front, and the command that fixes it', {}, async (setting) => {
  const { lab, product, family } = setting;
  await product.start();
  await lab.iptables('server', family, ['-I', 'INPUT', '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT']);
  const rule = /rule 1 of INPUT \(-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\) accepts everybody/;
  const fix = new RegExp(
    `${family === 4 ? 'iptables' : 'ip6tables'}-${lab.backend} -D INPUT -p tcp -m tcp --dport 22`,
  );
  const checked = await product.ctl(['check']);
  assert.equal(checked.exitCode, 0);
  assert.match(checked.stderr, rule);
  assert.match(checked.stderr, fix);
  const examined = await product.ctl(['doctor']);
  assert.equal(examined.exitCode, 1);
  assert.match(examined.stdout, rule);
  assert.match(examined.stdout, fix);
  await product.stop();
});
