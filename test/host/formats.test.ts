/** The other ways to install: apt from a signed repository, the tar archive where libpcap has its other name, the RPM package. Each shuts, opens, and goes without a trace. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { putDeb } from './deb.js';
import { Machine } from './machine.js';
import { CTL, Host, KNOCKS } from './protected.js';

const PACKAGING = fileURLToPath(new URL('../../../packaging', import.meta.url));
const LIBRARY = '/usr/lib/x86_64-linux-gnu/libpcap.so.0.8';

describe('a host without our Debian package', () => {
  let machine: Machine;
  let folder: string;
  let rules_: string;

  const rules = async (): Promise<string> =>
    `${await machine.must('/usr/sbin/iptables-save')}${await machine.must('/usr/sbin/ip6tables-save')}`
      .replaceAll(/^#.*\n/gm, '')
      .replaceAll(/\[\d+:\d+\]/g, '');
  const use = async (host: Host, ctl: string): Promise<void> => {
    await machine.must(ctl, 'init', '--yes', '--sequence', KNOCKS.join(','));
    await machine.must('/bin/systemctl', 'start', 'knockctl');
    await host.protects(`by ${ctl}`);
    assert.match(await machine.must(ctl, 'status'), /knocks are heard/);
  };
  const gone = async (...kept: readonly string[]): Promise<void> => {
    assert.equal(await rules(), rules_);
    const argv = [
      '/etc',
      '/usr',
      '/run',
      '/var/lib',
      '-xdev',
      '-name',
      '*knock*',
      '-not',
      '-path',
      '*/dpkg/*',
    ];
    const isKept = (path: string): boolean => kept.some((one) => path === one || path.startsWith(`${one}/`));
    const found = (await machine.must('/usr/bin/find', ...argv)).split('\n').filter(Boolean);
    assert.deepEqual(
      found.filter((path) => !isKept(path)),
      [],
    );
  };

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = new Machine();
    machine.prepare('/usr/bin/apt-get', 'install', '-y', '--no-install-recommends', 'rpm');
    putDeb(machine);
    const argv = [join(PACKAGING, 'package.sh'), '--fast', '--format', 'tar', '--format', 'rpm'];
    const made = execFileSync('/bin/bash', [...argv, join(machine.root, 'root')], { encoding: 'utf8' });
    assert.equal(made.trim().split('\n').length, 2);
    await machine.boot();
    rules_ = await rules();
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('apt installs from a signed repository, and from none that was changed', async () => {
    const home = join(folder, 'gnupg');
    execFileSync('/bin/mkdir', ['-m', '700', home]);
    const env = { ...process.env, GNUPGHOME: home };
    const repository = (...words: readonly string[]): string =>
      execFileSync('/bin/bash', [join(PACKAGING, 'repository.sh'), ...words], {
        env,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    const deb = join(machine.root, 'root/knockctl.deb');
    const served = join(folder, 'served');
    assert.throws(
      () => repository('--key', 'nobody@example.org', served, deb),
      /gpg has no secret key nobody@example\.org/,
    );
    const gpg = [
      '--batch',
      '--quiet',
      '--passphrase',
      '',
      '--quick-generate-key',
      'test@example.org',
      'ed25519',
      'sign',
      '1d',
    ];
    execFileSync('/usr/bin/gpg', gpg, { env, stdio: 'pipe' });
    assert.match(repository('--key', 'test@example.org', served, deb), /is a repository/);
    execFileSync('/usr/bin/gpgconf', ['--kill', 'all'], { env });

    const at = join(machine.root, 'srv/repository');
    cpSync(served, at, { recursive: true });
    writeFileSync(join(machine.root, 'etc/apt/sources.list'), '');
    writeFileSync(
      join(machine.root, 'etc/apt/sources.list.d/knockctl.list'),
      'deb [signed-by=/srv/repository/knockctl.gpg] file:/srv/repository stable main\n',
    );
    await machine.must('/usr/bin/apt-get', 'update');
    await machine.must('/usr/bin/apt-get', 'install', '-y', 'knockctl');
    assert.match(
      await machine.must('/usr/bin/apt-cache', 'policy', 'knockctl'),
      /500 file:\/srv\/repository stable\/main/,
    );
    await machine.must('/usr/bin/apt-get', 'purge', '-y', 'knockctl');

    const index = join(at, 'dists/stable/InRelease');
    writeFileSync(index, readFileSync(index, 'utf8').replace(/^Suite: stable$/m, 'Suite: stably'));
    const changed = await machine.run('/usr/bin/apt-get', 'update', '--error-on=any');
    assert.notEqual(changed.exitCode, 0);
    assert.match(changed.stderr + changed.stdout, /BADSIG/);
    rmSync(join(machine.root, 'etc/apt/sources.list.d/knockctl.list'));
    await gone();
  });

  test('the tar archive, where libpcap is called libpcap.so.1', async () => {
    const real = join('/usr/lib/x86_64-linux-gnu', readlinkSync(join(machine.root, LIBRARY)));
    await machine.must('/bin/mv', join(real), '/usr/lib/libpcap.so.1');
    await machine.must('/bin/rm', LIBRARY);
    const unpack = 'cd /root && tar xzf knockctl-*.tar.gz && mv knockctl-*/ tree';
    await machine.must('/bin/sh', '-c', unpack);
    await machine.must('/root/tree/install.sh');
    const ctl = '/usr/local/sbin/knockctl';
    const host = new Host(machine, ctl);
    await use(host, ctl);
    const pid = await host.property('MainPID');
    await machine.must('/root/tree/install.sh');
    await host.protects('after an upgrade by tar archive');
    assert.notEqual(await host.property('MainPID'), pid, 'the new version runs');
    await machine.must('/usr/local/lib/knockctl/uninstall.sh');
    await gone('/etc/knockctl', '/var/lib/knockctl', '/run/knockctl');
    await machine.must('/bin/rm', '-r', '/etc/knockctl', '/var/lib/knockctl');
    await machine.must('/bin/mv', '/usr/lib/libpcap.so.1', '/root/libpcap');
    const none = await machine.run('/root/tree/install.sh');
    assert.equal(none.exitCode, 69);
    assert.match(
      none.stderr,
      /^knockctl: libpcap was not found, .* \(package libpcap, or libpcap0\.8\); nothing was changed$/m,
    );
    await gone('/run/knockctl');
  });

  test('the RPM package, by its own scripts', async () => {
    await machine.must('/bin/mkdir', '-p', '/usr/lib64');
    await machine.must('/bin/mv', '/root/libpcap', '/usr/lib64/libpcap.so.1');
    const file = readdirSync(join(machine.root, 'root')).find((name) => name.endsWith('.rpm')) ?? '';
    const requires = await machine.must('/usr/bin/rpm', '-qp', '--requires', `/root/${file}`);
    for (const word of [
      '(kernel-modules-extra if kernel-core)',
      'ipset',
      'iptables-nft',
      'libpcap.so.1()(64bit)',
    ])
      assert.ok(requires.split('\n').includes(word), word);
    const rpm = ['/usr/bin/rpm', '--force-debian', '--nodeps'];
    await machine.must(...rpm, '--install', `/root/${file}`);
    const host = new Host(machine);
    await use(host, CTL);
    const pid = await host.property('MainPID');
    await machine.must(...rpm, '--upgrade', '--force', `/root/${file}`);
    await host.protects('after an upgrade by RPM');
    assert.notEqual(await host.property('MainPID'), pid, 'the new version runs');
    await machine.must(...rpm, '--erase', 'knockctl');
    await gone('/etc/knockctl', '/var/lib/knockctl', '/run/knockctl');
  });
});
