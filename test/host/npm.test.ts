/** The npm package on a host without our unit: npm install -g, knockctl install, the SysV script, cron. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { waitFor } from '../helpers/wait.js';
import { Machine } from './machine.js';

const TOP = fileURLToPath(new URL('../../..', import.meta.url));
const SCRIPT = '/etc/init.d/knockctl';

describe('a host with npm, SysV script and cron', () => {
  let machine: Machine;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = new Machine('bookworm-node');
    const packed = execFileSync(
      'npm',
      ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder],
      {
        cwd: TOP,
        encoding: 'utf8',
      },
    ).trim();
    copyFileSync(join(folder, basename(packed)), join(machine.root, 'root/knockctl.tgz'));
    copyFileSync(
      '/etc/ssl/certs/ca-certificates.crt',
      join(machine.root, 'etc/ssl/certs/ca-certificates.crt'),
    );
    machine.prepare(
      '/usr/bin/apt-get',
      'install',
      '-y',
      '--no-install-recommends',
      'g++',
      'make',
      'libpcap-dev',
    );
    machine.prepare('/usr/bin/npm', 'install', '--global', '/root/knockctl.tgz');
    await machine.boot();
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const rules = async (): Promise<string> =>
    (await machine.must('/usr/sbin/iptables-save')).replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '');
  const status = async (): Promise<number> => (await machine.run(SCRIPT, 'status')).exitCode;

  test('knockctl install puts all in place, and starts nothing', async () => {
    const elsewhere = await machine.run('knockctl', '-c', '/root/own.conf', 'install');
    assert.equal(elsewhere.exitCode, 64);
    assert.match(elsewhere.stderr, /what is installed works with \/etc\/knockctl\/knockctl\.conf: -c /);
    assert.equal((await machine.run('test', '-e', SCRIPT)).exitCode, 1, 'nothing was changed');
    const where = (await machine.must('/usr/bin/npm', 'root', '--global')).trim();
    await machine.must('/bin/chown', 'nobody', `${where}/knockctl/rules/service.rules`);
    const refused = await machine.run('knockctl', 'install');
    assert.equal(refused.exitCode, 1);
    assert.match(
      refused.stderr,
      /others could change what root would run from .*service\.rules is owned by nobody/,
    );
    assert.equal((await machine.run('test', '-e', SCRIPT)).exitCode, 1, 'nothing was changed');
    await machine.must('/bin/chown', 'root', `${where}/knockctl/rules/service.rules`);
    const said = await machine.must('knockctl', 'install');
    assert.match(said, /installed \/etc\/init\.d\/knockctl/);
    assert.match(said, /installed \/etc\/systemd\/system\/knockctl\.service/);
    await machine.must('/usr/bin/man', '--where', '8', 'knockctl');
    await machine.must('/usr/bin/id', '_knockctl');
    assert.equal(await status(), 3);
    assert.doesNotMatch(await rules(), /knockctl/);
    assert.match(await machine.must('knockctl', 'install'), /installed/, 'once more is no error');
  });

  test('its unit starts it', async () => {
    await machine.must('knockctl', 'init', '--yes');
    await machine.must('/bin/systemctl', 'start', 'knockctl');
    assert.equal(await status(), 0);
    await machine.must('/bin/systemctl', 'stop', 'knockctl');
    assert.equal(await rules(), '');
  });

  test('without the unit: the init script starts it, and cron brings it back', async () => {
    await machine.must('/bin/rm', '/etc/systemd/system/knockctl.service');
    await machine.must('/bin/systemctl', 'daemon-reload');
    await machine.must(SCRIPT, 'start');
    assert.equal(await status(), 0);
    await machine.must(SCRIPT, 'accept', '192.0.2.7');
    const { pid } = JSON.parse(await machine.must('knockctl', 'status', '--json')) as { pid: number };
    assert.ok(pid > 1);
    await machine.must('/bin/kill', '-9', String(pid));
    await waitFor(async () => (await status()) === 1, 'dead, says status');
    await waitFor(async () => (await status()) === 0, 'cron to bring it back (it looks each minute)');
    assert.match(await machine.must('knockctl', 'list'), /192\.0\.2\.7/);
    for (const verb of ['restart', 'condrestart', 'reload', 'force-reload', 'try-restart', 'restartifdead'])
      await machine.must(SCRIPT, verb);
    assert.equal((await machine.run(SCRIPT, 'nonsense')).exitCode, 2);
    await machine.must(SCRIPT, 'stop');
    await machine.must(SCRIPT, 'stop');
    assert.equal(await status(), 3);
    assert.equal(await rules(), '');
  });

  test('uninstall takes away what install has put in place', async () => {
    const said = await machine.must('knockctl', 'uninstall');
    assert.match(said, /removed \/etc\/cron\.d\/knockctl/);
    assert.match(said, /removed user _knockctl/);
    assert.equal((await machine.run('/usr/bin/id', '_knockctl')).exitCode, 1);
    const left = await machine.must(
      '/usr/bin/find',
      '/etc',
      '/usr/local',
      '-xdev',
      '-name',
      '*knock*',
      '-not',
      '-path',
      '/etc/knockctl*',
    );
    assert.equal(left, '');
  });
});
