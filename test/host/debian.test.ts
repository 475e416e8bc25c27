/**
 * The Debian package on real hosts, the same file on each: install, init, boot, upgrade, crash, removal; with sshd, ssh and Debian's own
 * client. Debian 12 has no Node.js; Debian 13 has its own, which the package does not use, and the thin one does.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import { putDeb } from './deb.js';
import { CLIENT, Machine, MACHINE } from './machine.js';
import { knockdComesAndGoes, packageIsWhole } from './package-checks.js';

const KNOCKS = ['1234', '2345', '3456'];
/** That of Debian's knockd, on the machine that runs the tests. */
const KNOCK = '/usr/bin/knock';

const RELEASES = [
  { kind: 'bookworm', name: 'Debian 12 without Node.js', hasNode: false },
  { kind: 'trixie', name: 'Debian 13 with its own Node.js', hasNode: true },
] as const;

for (const release of RELEASES) {
  describe(release.name, () => {
    onRelease(release);
  });
}

function onRelease({ kind, hasNode }: (typeof RELEASES)[number]): void {
  let machine: Machine;
  let folder: string;
  let before_: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = new Machine(kind);
    putDeb(machine);
    execFileSync('/usr/bin/ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'key')]);
    execFileSync('/bin/mkdir', ['-p', '-m', '700', join(machine.root, 'root/.ssh')]);
    copyFileSync(join(folder, 'key.pub'), join(machine.root, 'root/.ssh/authorized_keys'));
    chmodSync(join(machine.root, 'root/.ssh/authorized_keys'), 0o600);
    await machine.boot();
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const sshArgs = (seconds = 3): string[] => [
    '/usr/bin/ssh',
    ...['-i', join(folder, 'key'), '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
    ...['-o', `ConnectTimeout=${seconds}`, '-o', 'BatchMode=yes', '-F', '/dev/null', `root@${MACHINE[4]}`],
  ];
  const sshWorks = async (): Promise<boolean> => {
    const { stdout } = await machine.atClient([...sshArgs(1), 'echo', 'in']);
    return stdout.includes('in');
  };
  const knock = async (): Promise<void> => {
    await machine.atClient([KNOCK, MACHINE[4], ...KNOCKS]);
  };
  const pid = async (): Promise<string> =>
    (await machine.must('/bin/systemctl', 'show', '-p', 'MainPID', '--value', 'knockctl')).trim();
  const rules = async (): Promise<string> => {
    const text =
      (await machine.must('/usr/sbin/iptables-save')) + (await machine.must('/usr/sbin/ip6tables-save'));
    return text.replaceAll(/^#.*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '');
  };

  test('apt installs the package, and nothing is shut', async () => {
    before_ = await rules();
    assert.equal((await machine.run('/bin/sh', '-c', 'command -v node')).exitCode === 0, hasNode);
    await machine.must('/usr/bin/apt-get', 'install', '-y', '/root/knockctl.deb');
    assert.equal((await machine.run('/bin/systemctl', 'is-active', 'knockctl')).stdout.trim(), 'inactive');
    assert.equal(await rules(), before_);
    assert.match(
      await machine.must('/usr/bin/getent', 'passwd', '_knockctl'),
      /:\/nonexistent:\/usr\/sbin\/nologin$/m,
    );
    assert.equal(await sshWorks(), true);
  });

  test('all programs run with the Node.js of the package, and the links of its documents lead somewhere', async () => {
    await packageIsWhole(machine);
  });

  test('knockd comes and goes, and there is always a knock', async () => {
    await knockdComesAndGoes(machine);
  });

  test('init writes the files; start --trial and confirm; shut, knock, ssh', async () => {
    await machine.must('/usr/sbin/knockctl', 'init', '--yes', '--sequence', KNOCKS.join(','));
    await machine.must('/usr/sbin/knockctl', 'doctor');
    await machine.must('/usr/sbin/knockctl', 'start', '--trial', '60');
    assert.equal(await sshWorks(), false);
    await knock();
    await waitFor(sshWorks, 'the knock to open');
    await machine.must('/usr/sbin/knockctl', 'confirm');
    await machine.must('/bin/systemctl', 'enable', 'knockctl');
    assert.match(await machine.must('/usr/sbin/knockctl', 'list'), new RegExp(`filter +${CLIENT[4]}`));
  });

  test('a session survives an upgrade, kill -9, a restart and a stop', async () => {
    const session = machine.spawnAtClient([...sshArgs(), 'cat']);
    const echoes = async (word: string): Promise<void> => {
      session.write(`${word}\n`);
      await session.until(word, 5_000);
    };
    await echoes('before');
    const first = await pid();
    await machine.must('/usr/bin/apt-get', 'install', '--reinstall', '-y', '/root/knockctl.deb');
    await echoes('upgraded');
    const second = await pid();
    assert.notEqual(second, first, 'the new version runs');
    assert.match(await machine.must('/usr/sbin/knockctl', 'list'), new RegExp(`filter +${CLIENT[4]}`));
    assert.ok(Number(second) > 1);
    await machine.must('/bin/kill', '-9', second);
    await echoes('killed');
    await waitFor(
      async () => (await machine.run('/usr/sbin/knockctl', 'status')).exitCode === 0,
      'armed again',
    );
    await machine.must('/bin/systemctl', 'restart', 'knockctl');
    await echoes('restarted');
    assert.match(
      await machine.must('/usr/sbin/knockctl', 'list'),
      new RegExp(`filter +${CLIENT[4]}`),
      'nobody thrown out',
    );
    await machine.must('/bin/systemctl', 'stop', 'knockctl');
    await echoes('stopped');
    assert.equal(await rules(), before_, 'systemctl stop takes everything out');
    await session.kill();
    await machine.must('/bin/systemctl', 'start', 'knockctl');
  });

  test('after a reboot entries and protection are back before sshd takes a connection', async () => {
    await machine.must('/usr/sbin/knockctl', 'drop', '192.0.2.66');
    await machine.must('/usr/sbin/knockctl', 'flush', CLIENT[4]);
    await machine.must('/usr/sbin/knockctl', 'accept', '192.0.2.7', '--timeout', '900');
    await machine.shutDown();
    await machine.boot();
    const at = async (unit: string): Promise<number> =>
      Number(
        await machine.must('/bin/systemctl', 'show', '-p', 'ActiveEnterTimestampMonotonic', '--value', unit),
      );
    assert.ok((await at('knockctl')) > 0);
    assert.ok((await at('knockctl')) <= (await at('ssh')));
    assert.ok((await at('knockctl')) <= (await at('network-pre.target')));
    const list = await machine.must('/usr/sbin/knockctl', 'list');
    assert.match(list, /banned +192\.0\.2\.66/);
    assert.match(list, /filter +192\.0\.2\.7 +14 min/);
    assert.equal(await sshWorks(), false);
    await knock();
    await waitFor(sshWorks, 'the knock to open');
    assert.equal((await machine.must('/bin/systemctl', '--failed', '--no-legend')).trim(), '');
  });

  test('files that others could have written: left out at a boot and an upgrade, and the port is shut', async () => {
    const doors = join(machine.root, 'etc/knockctl/knockd.conf');
    chmodSync(doors, 0o666);
    const check = await machine.run('/usr/sbin/knockctl', 'check');
    assert.equal(check.exitCode, 78, check.stderr);
    assert.match(check.stderr, /mode 0666: others can write to it; chmod go-w \/etc\/knockctl\/knockd\.conf/);
    await machine.must('/usr/sbin/knockctl', 'flush', 'filter');
    await machine.must('/usr/bin/apt-get', 'install', '--reinstall', '-y', '/root/knockctl.deb');
    const left = async (when: string): Promise<void> => {
      const { exitCode, stdout } = await machine.run('/usr/sbin/knockctl', 'status');
      assert.equal(exitCode, 150, `${when}: ${stdout}`);
      assert.match(stdout, /armed[\s\S]*left out .*its doors are left out/, when);
      await knock();
      assert.equal(await sshWorks(), false, when);
    };
    await left('after an upgrade');
    await machine.shutDown();
    await machine.boot();
    await left('after a boot');
    chmodSync(doors, 0o600);
    await machine.must('/usr/sbin/knockctl', 'reload');
    await knock();
    await waitFor(sshWorks, 'the knock to open');
  });

  test('a door’s own command runs outside of the unit, with all that root may do', async () => {
    const doors = join(machine.root, 'etc/knockctl/knockd.conf');
    writeFileSync(
      doors,
      '\n[own]\nsequence = 4000,4001\ntcpflags = syn\ncommand = echo "%IP% $USER ${HOME}$$" > /usr/own\n',
      { flag: 'a' },
    );
    await machine.must('/usr/sbin/knockctl', 'reload');
    await machine.atClient([KNOCK, MACHINE[4], '4000', '4001']);
    const text = async (): Promise<string> => (await machine.run('/bin/cat', '/usr/own')).stdout;
    await waitFor(async () => (await text()) !== '', 'what the command wrote');
    // systemd 257 names the user, 252 does not.
    assert.match(await text(), new RegExp(`^${CLIENT[4].replaceAll('.', '\\.')} (?:root)? *\\d+$`, 'm'));
  });

  test('the unit is hardened: 2.0 or better', async () => {
    const lines = (await machine.must('/usr/bin/systemd-analyze', 'security', 'knockctl', '--no-pager'))
      .trim()
      .split('\n');
    const score = Number(/: ([\d.]+) /.exec(lines.at(-1) ?? '')?.[1]);
    assert.ok(score <= 2, lines.at(-1));
  });

  test('removal leaves the firewall as it was, and purge no file', async () => {
    await machine.must('/bin/sh', '-c', 'dpkg --install /root/debs/knockd_*.deb && systemctl stop knockd');
    await machine.must('/usr/bin/apt-get', 'remove', '-y', 'knockctl');
    await machine.must('/bin/sh', '-c', 'knock --version && dpkg --purge knockd');
    assert.equal(await rules(), before_);
    assert.equal(await machine.must('/usr/sbin/ipset', 'list', '-n'), '');
    assert.equal(await sshWorks(), true);
    await machine.must('/usr/bin/apt-get', 'purge', '-y', 'knockctl');
    const left = await machine.must(
      '/usr/bin/find',
      '/etc',
      '/run',
      '/var/lib',
      '/usr',
      '-xdev',
      '-name',
      '*knockctl*',
      '-not',
      '-path',
      '*/dpkg/*',
    );
    assert.equal(left, '');
    assert.equal(
      (await machine.run('/usr/bin/getent', 'passwd', '_knockctl')).exitCode,
      2,
      'it was made here',
    );
    assert.deepEqual(
      readdirSync(join(machine.root, 'etc')).filter((name) => name.includes('knock')),
      [],
    );
  });

  const thinSkip = !hasNode
    ? 'this release has no Node.js that is new enough'
    : !process.version.startsWith('v20.') && 'the thin package is for the major version that it is made with';
  test('the thin package, with the Node.js of the system', { skip: thinSkip }, async () => {
    putDeb(machine, 'thin');
    await machine.must('/usr/bin/apt-get', 'install', '-y', '/root/thin.deb');
    assert.equal(existsSync(join(machine.root, 'usr/lib/knockctl/bin/node')), false);
    await machine.must('/usr/sbin/knockctl', 'init', '--yes', '--sequence', KNOCKS.join(','));
    await machine.must('/bin/systemctl', 'enable', '--now', 'knockctl');
    assert.equal(await sshWorks(), false);
    await knock();
    await waitFor(sshWorks, 'the knock to open');
    await machine.must('/usr/sbin/knockctl', 'doctor');
    await machine.must('/usr/bin/apt-get', 'purge', '-y', 'knockctl');
    assert.equal(await rules(), before_);
  });
}
