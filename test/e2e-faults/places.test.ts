/** Settings that lead away from where our rules are: nothing stays behind, neither at once nor after a stop. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import type { Backend, Lab } from '../helpers/lab.js';
import type { Product } from '../helpers/product.js';
import { inMountNamespace } from '../helpers/node-child.js';
import { BACKENDS, DOORS, each, getsIn, kernel, ssh, stage, withKernelDoors } from './setting.js';

/** The sets, and the filter tables of both back ends and families. */
async function all(lab: Lab): Promise<string> {
  const parts = [await kernel(lab)];
  for (const backend of BACKENDS) {
    for (const command of ['iptables', 'ip6tables']) {
      const argv = [`/usr/sbin/${command}-${backend}-save`, '-t', 'filter'];
      const { stdout } = await lab.exec('server', argv);
      parts.push(stdout.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, ''));
    }
  }
  return parts.join('\n');
}

const otherThan = (backend: Backend): Backend => (backend === 'nft' ? 'legacy' : 'nft');

function change({ paths }: Product, edit: (conf: string) => string): void {
  writeFileSync(paths.conf, edit(readFileSync(paths.conf, 'utf8')));
}

each('a reload to no service takes rules and sets out', async (backend) => {
  await using on = await stage(backend);
  const { lab, product } = on;
  const before = await all(lab);
  await product.start();
  await product.must('accept', '192.0.2.1');
  change(product, (conf) => conf.replace(/\[service\.ssh\][^[]*/, ''));
  writeFileSync(product.paths.doors, DOORS.replace('knockctl accept %IP%', '/bin/true'));
  await product.must('reload');
  assert.equal(await all(lab), before);
  await product.must('restart');
  await product.stop();
  assert.equal(await all(lab), before);
});

each('a restart with one family only takes the rules of the other out', async (backend) => {
  await using on = await stage(backend);
  const { lab, product } = on;
  const before = await all(lab);
  await product.start();
  change(product, (conf) => conf.replace('[firewall]', '[firewall]\nfamilies = ipv4'));
  await product.must('restart');
  await lab.waitFor(async () => getsIn(lab, 'client', 6), 'IPv6 to be left alone');
  assert.equal(await getsIn(lab, 'client', 4), false);
  await product.stop();
  assert.equal(await all(lab), before);
});

each('a restart with the other back end leaves no moment open, and nothing behind', async (backend) => {
  await using on = await stage(backend);
  const { lab, product } = on;
  const before = await all(lab);
  await product.start();
  await product.must('accept', '192.0.2.1');
  const other = otherThan(backend);
  change(product, (conf) => conf.replace(`backend = ${backend}`, `backend = ${other}`));
  const restart = product.ctl(['restart']);
  const state = { over: false };
  void restart.then(() => (state.over = true));
  while (!state.over) for (const family of FAMILIES) assert.equal(await getsIn(lab, 'client', family), false);
  assert.equal((await restart).exitCode, 0);
  const holdsRules = async (name: string): Promise<boolean> =>
    (await lab.exec('server', [`/usr/sbin/iptables-${name}-save`])).stdout.includes('ssh_policy');
  await lab.waitFor(async () => !(await holdsRules(backend)), 'the old rules to be taken out');
  assert.equal(await holdsRules(other), true);
  assert.deepEqual(await product.addresses('filter'), ['192.0.2.1']);
  await product.stop();
  assert.equal(await all(lab), before);
});

each('after a crash, stop with other settings takes everything out', async (backend) => {
  await using on = await stage(backend);
  const { lab, product } = on;
  const before = await all(lab);
  await product.start();
  await product.kill('supervisor');
  change(product, (conf) =>
    conf.replace(`backend = ${backend}`, `backend = ${otherThan(backend)}\nfamilies = ipv6`),
  );
  await product.stop();
  assert.equal(await all(lab), before);
});

// Strays were once taken out before the new rules were in: open for up to 2.4 s (reproduced by hand, 2026-11-21).
for (const verb of ['reload', 'restart']) {
  each(
    `a ${verb} with a service renamed leaves no moment open, and nothing of the old one`,
    async (backend) => {
      await using on = await stage(backend, {
        conf: withKernelDoors(backend, 'on_failure = hold\n'),
        doors: `${DOORS}\n[decoy]\nsequence = 1000\ntcpflags = syn\ncommand = knockctl drop %IP%\n`,
      });
      const { lab, product } = on;
      const before = await all(lab);
      await product.start();
      await product.must('drop', '192.0.2.1');
      change(product, (conf) => conf.replace('[service.ssh]', '[service.sshd]'));
      const running = product.ctl([verb]);
      const state = { over: false };
      void running.then(() => (state.over = true));
      while (!state.over)
        for (const family of FAMILIES) assert.equal(await getsIn(lab, 'client', family), false);
      assert.equal((await running).exitCode, 0);
      const isGone = async (): Promise<boolean> => !/\bssh_|knock\./.test(await all(lab));
      await lab.waitFor(isGone, 'rules and sets of the old name to go');
      await product.stop();
      assert.equal(await all(lab), before);
    },
  );
}

each('a service taken out while others stay leaves no set, whatever doors named it', async (backend) => {
  const web = '[service.web]\nports = 80\n';
  await using on = await stage(backend, {
    conf: `${withKernelDoors(backend)}${web}`,
    doors: `${DOORS}\n[decoy]\nsequence = 1000\ntcpflags = syn\ncommand = knockctl drop %IP%\n`,
  });
  const { lab, product } = on;
  const before = await all(lab);
  await product.start();
  await product.must('drop', '192.0.2.1');
  change(product, (conf) => conf.replace(web, ''));
  await product.must('restart');
  await lab.waitFor(async () => !(await all(lab)).includes('web_'), 'its rules and sets to go');
  await product.stop();
  assert.equal(await all(lab), before);
});

test('a supervised knockd without ipset starts and stops', async () => {
  const hide = 'mount --bind /dev/null /usr/sbin/ipset';
  await using on = await stage('nft', {
    conf: ssh('nft').replace(/\[service\.ssh\][^[]*/, ''),
    doors: DOORS.replace('knockctl accept %IP%', '/bin/true'),
  });
  const { product } = on;
  product.before = inMountNamespace(hide);
  await product.start();
  await product.must('reload');
  await product.stop();
  await product.stop();
});
