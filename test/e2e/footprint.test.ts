import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES, type Family } from '../../src/base/address.js';
import { ADDRESS, createLab, type Backend, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { BACKENDS, conf, DOORS, look, OPEN } from './setting.js';

const NETWORK: Readonly<Record<Family, string>> = { 4: '192.0.2.0/24', 6: '2001:db8::/32' };

/** Rules that an administrator has: in several tables, with chains and a policy of their own. */
async function addForeign(lab: Lab): Promise<void> {
  for (const family of FAMILIES) {
    const rules = [
      '-N mine',
      '-A mine -p udp -j REJECT',
      `-A INPUT -s ${NETWORK[family]} -j mine`,
      '-A INPUT -p tcp -m tcp --dport 80 -m comment --comment not_ours -j ACCEPT',
      '-P FORWARD DROP',
      '-t mangle -A PREROUTING -p tcp -m tcp --dport 443 -j MARK --set-mark 7',
      '-t nat -A PREROUTING -p tcp -m tcp --dport 8022 -j REDIRECT --to-ports 22',
    ];
    for (const rule of rules) await lab.iptables('server', family, rule.split(' '));
  }
}

async function saveAll(lab: Lab): Promise<string> {
  return `${await lab.save('server', 4)}${await lab.save('server', 6)}`;
}

async function setsLeft(lab: Lab): Promise<string> {
  return (await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout;
}

function start(lab: Lab, backend: Backend): Product {
  return new Product(lab, { conf: conf(backend, { firewall: 'backend = auto' }), doors: DOORS });
}

for (const backend of BACKENDS) {
  test(`auto follows the host’s rules to ${backend}, and a stop leaves them as they were`, async () => {
    await using lab = await createLab({ backend });
    await lab.tcpEcho('server', 22);
    await addForeign(lab);
    const before = await saveAll(lab);
    const product = start(lab, backend);
    await product.start();
    const status = await product.status();
    assert.equal(status.backend, `${backend} (this host has its rules in ${backend})`);
    const during = await saveAll(lab);
    assert.equal(during.match(/ -j ssh_policy/g)?.length, 2, 'one jump a family');
    assert.equal(withoutOurs(during), before, 'others see only additions');
    for (const family of FAMILIES) {
      const { gets, knock, opens } = look(lab, product, family);
      assert.equal(await gets('client'), false);
      await knock('client', OPEN);
      await opens('client');
    }
    await product.stop();
    assert.equal(await saveAll(lab), before);
    assert.equal(await setsLeft(lab), '');
  });

  test(`what others change meanwhile stays, in ${backend}`, async () => {
    await using lab = await createLab({ backend });
    await addForeign(lab);
    const product = start(lab, backend);
    await product.start();
    for (const family of FAMILIES) {
      const source = ADDRESS.client2[family];
      const rules = [
        `-I INPUT 1 -s ${source} -j ACCEPT`,
        `-I INPUT 3 -s ${source} -p tcp -j ACCEPT`,
        `-A INPUT -s ${source} -p udp -j DROP`,
        `-D INPUT -s ${NETWORK[family]} -j mine`,
        '-t mangle -A OUTPUT -j ACCEPT',
      ];
      for (const rule of rules) await lab.iptables('server', family, rule.split(' '));
    }
    const expected = withoutOurs(await saveAll(lab));
    await product.must('restart');
    assert.equal(withoutOurs(await saveAll(lab)), expected);
    await product.stop();
    assert.equal(await saveAll(lab), expected);
    assert.equal(expected.match(/-A INPUT -s \S+ (?:-p \w+ )?-j (?:ACCEPT|DROP)/g)?.length, 6);
    assert.equal(await setsLeft(lab), '');
  });
}

test('a namespace without any table is without any again', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const ruleset = async (): Promise<string> =>
    (await lab.exec('client2', ['/usr/sbin/nft', 'list', 'ruleset'])).stdout;
  assert.equal(await ruleset(), '');
  const product = new Product(lab, {
    conf: conf('nft', { firewall: 'backend = auto' }),
    doors: DOORS,
    place: 'client2',
  });
  await product.start();
  assert.match(await ruleset(), /chain ssh_policy/);
  await product.stop();
  assert.equal(await ruleset(), '');
});

test('hook = last leaves the first word to the rules that are there', async () => {
  await using lab = await createLab({ backend: 'nft' });
  await lab.tcpEcho('server', 22);
  const rule = ['INPUT', '-s', ADDRESS.client2[4], '-p', 'tcp', '--dport', '22', '-j', 'ACCEPT'];
  await lab.iptables('server', 4, ['-A', ...rule]);
  const product = new Product(lab, { conf: conf('nft', { firewall: 'hook = last' }), doors: DOORS });
  await product.start();
  const { gets } = look(lab, product, 4);
  assert.equal(await gets('client2'), true);
  assert.equal(await gets('client'), false);
  await product.stop();
});

/** The text as it would be without our chains and jumps. */
function withoutOurs(saved: string): string {
  return saved.replaceAll(
    /^(?::ssh_|-A ssh_|:knock\.|-A knock\.|-A \S+ .*-j (?:ssh_\w+|knock\.doors)).*\n/gm,
    '',
  );
}
