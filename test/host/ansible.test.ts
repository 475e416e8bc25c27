/** The Ansible role, run on the machine itself: it installs, starts on trial and confirms; again it changes nothing; what check refuses is taken back. */
import assert from 'node:assert/strict';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { ExecResult } from '../helpers/processes.js';
import { putDeb } from './deb.js';
import { CLIENT, Machine } from './machine.js';
import { Host, KNOCKS } from './protected.js';

const ROLE = fileURLToPath(new URL('../../../packaging/ansible', import.meta.url));

describe('the Ansible role', () => {
  let machine: Machine;
  let host: Host;

  before(async () => {
    machine = new Machine();
    host = new Host(machine);
    machine.prepare(
      '/usr/bin/apt-get',
      'install',
      '-y',
      '--no-install-recommends',
      'ansible-core',
      'python3-apt',
    );
    putDeb(machine);
    cpSync(ROLE, join(machine.root, 'root/ansible'), { recursive: true });
    await machine.boot();
  });
  after(async () => machine[Symbol.asyncDispose]());

  const play = async (more: Readonly<Record<string, string>> = {}): Promise<ExecResult> => {
    const variables = {
      ansible_python_interpreter: '/usr/bin/python3',
      knockctl_package: '/root/knockctl.deb',
      knockctl_sequence: KNOCKS.join(','),
      knockctl_trusted: ['192.0.2.7'],
      ...more,
    };
    const argv = [
      '-i',
      'localhost,',
      '-c',
      'local',
      '-e',
      JSON.stringify(variables),
      '/root/ansible/site.yml',
    ];
    return machine.runWith(
      { timeoutMs: 300_000, env: { HOME: '/root', LC_ALL: 'C.UTF-8' } },
      '/usr/bin/ansible-playbook',
      ...argv,
    );
  };
  const file = (): string => readFileSync(host.inside('/etc/knockctl/knockctl.conf'), 'utf8');

  test('without a sequence it stops before anything is done', async () => {
    const done = await play({ knockctl_sequence: '' });
    assert.notEqual(done.exitCode, 0);
    assert.match(done.stdout, /knockctl_sequence is empty/);
    assert.notEqual((await machine.run('test', '-e', '/usr/sbin/knockctl')).exitCode, 0);
  });

  test('it installs, starts on trial, confirms, and enables', async () => {
    const done = await play();
    assert.equal(done.exitCode, 0, done.stdout + done.stderr);
    await host.protects('by the role');
    assert.doesNotMatch(await machine.must('/usr/sbin/knockctl', 'status'), /trial/);
    assert.match(await machine.must('/usr/sbin/knockctl', 'list'), /trusted +192\.0\.2\.7/);
    assert.equal((await machine.must('/bin/systemctl', 'is-enabled', 'knockctl')).trim(), 'enabled');
    assert.equal(await machine.must('/usr/bin/stat', '-c', '%a', '/etc/knockctl/knockd.conf'), '600\n');
  });

  test('a second time it changes nothing; a change is applied', async () => {
    const again = await play();
    assert.match(again.stdout, /changed=0 .*failed=0/, again.stdout);
    const changed = await play({ knockctl_accept_timeout: '60' });
    assert.equal(changed.exitCode, 0, changed.stdout + changed.stderr);
    await host.knock();
    assert.match(
      await machine.must('/usr/sbin/knockctl', 'list'),
      new RegExp(`filter +${CLIENT[4]} +\\d+ s`),
    );
  });

  test('what check refuses is taken back, and what runs goes on', async () => {
    const before_ = file();
    const done = await play({ knockctl_conf_extra: 'nonsense = yes' });
    assert.notEqual(done.exitCode, 0);
    assert.match(done.stdout, /those of before are in place again/);
    assert.equal(file(), before_);
    await host.armed('with the files of before');
  });
});
