/** Under systemd: the units of listeners and lines, at a boot, in between, at a shutdown. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import type { Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

/** Doors whose commands are the administrator's own. */
const DOORS = `
[closes]
sequence = 4000,4001
tcpflags = syn
start_command = touch /root/open
cmd_timeout = 900
stop_command = rm /root/open

[background]
sequence = 4100,4101
tcpflags = syn
command = touch /root/behind; (sleep 2; rm /root/behind) &

[signal]
sequence = 4200,4201
tcpflags = syn
command = kill -TERM $$

[status]
sequence = 4300,4301
tcpflags = syn
command = exit 3
`;

describe('units of systemd', () => {
  let machine: Machine;
  let host: Host;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = await protectedMachine(folder);
    host = new Host(machine);
    appendFileSync(host.inside('/etc/knockctl/knockd.conf'), DOORS);
    await machine.must(CTL, 'reload');
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  const log = async (pattern: RegExp): Promise<void> =>
    waitFor(
      async () => pattern.test(await machine.must('/bin/journalctl', '-b', '-u', 'knockctl', '--no-pager')),
      `${String(pattern)} in the journal`,
    );

  test('the listener is in a unit of its own, as _knockctl, with its own process number in status', async () => {
    const { listener } = JSON.parse(await machine.must(CTL, 'status', '--json')) as {
      listener: { pid: number };
    };
    assert.match(
      await machine.must('/bin/cat', `/proc/${listener.pid}/cgroup`),
      /knockctl-listener-\d+-\d+\.service/,
    );
    const uid = (await machine.must('/usr/bin/id', '-u', '_knockctl')).trim();
    const status = await machine.must('/bin/cat', `/proc/${listener.pid}/status`);
    assert.match(status, new RegExp(`^Uid:\\s${uid}\\s${uid}\\s${uid}\\s${uid}$`, 'm'));
    assert.match(status, /^CapEff:\s0+$/m);
    assert.match(status, /^Seccomp:\s2$/m);
    const cgroup = await machine.must('/bin/cat', `/proc/${listener.pid}/cgroup`);
    const unit = /knockctl-listener-\d+-\d+\.service/.exec(cgroup)?.[0] ?? '';
    assert.deepEqual((await host.property('RestrictAddressFamilies', unit)).split(' ').sort(), [
      'AF_NETLINK',
      'AF_PACKET',
      'AF_UNIX',
    ]);
    assert.equal(await host.property('ProtectProc', unit), 'invisible');
    assert.match(await host.property('IPAddressDeny', unit), /0\.0\.0\.0\/0/);
    const supervisor = await host.property('MainPID');
    // Whether a container may go below its own is its host's affair.
    assert.equal(await host.property('OOMScoreAdjust'), '-900');
    assert.equal((await machine.must('/bin/cat', `/proc/${listener.pid}/oom_score_adj`)).trim(), '0');
    // Another service, of whatever user, can end nothing of it.
    for (const user of ['nobody', 'www-data']) {
      for (const pid of [String(listener.pid), supervisor]) {
        const kill = await machine.run(
          '/usr/bin/setpriv',
          `--reuid=${user}`,
          '--clear-groups',
          '/bin/kill',
          '-9',
          pid,
        );
        assert.equal(kill.exitCode, 1, `${user} ended ${pid}`);
      }
    }
    assert.equal(await host.property('MainPID'), supervisor);
    await machine.must('/bin/kill', '-STOP', String(listener.pid));
    await log(/listener lost: .* \(was killed by SIGKILL\)/);
    await host.armed('with another listener');
  });

  test('lines of doors: what they leave behind goes on; how they ended is told', async () => {
    await host.knock(['4100', '4101']);
    await waitFor(() => existsSync(host.inside('/root/behind')), 'the line');
    await waitFor(() => !existsSync(host.inside('/root/behind')), 'what it left in the background');
    await host.knock(['4300', '4301']);
    await log(/status: command returned non-zero status code \(3\)/);
    await host.knock(['4200', '4201']);
    await log(/signal: command returned non-zero status code \(0\)/);
  });

  test('a door that waits for its stop command is closed by a shutdown', async () => {
    await host.knock(['4000', '4001']);
    await waitFor(() => existsSync(host.inside('/root/open')), 'the door');
    await machine.shutDown();
    assert.equal(existsSync(host.inside('/root/open')), false);
    await machine.boot();
    await host.armed('after the boot');
  });

  test('a network that comes before sysinit.target, and D-Bus later than all: armed before sshd', async () => {
    const units = host.inside('/etc/systemd/system');
    mkdirSync(join(units, 'dbus.service.d'), { recursive: true });
    // As cloud-init is ordered; it takes a while, and so does D-Bus.
    writeFileSync(
      join(units, 'early.service'),
      '[Unit]\nDefaultDependencies=no\nAfter=network-pre.target\nBefore=sysinit.target\n[Service]\nType=oneshot\nExecStart=/bin/sleep 3\n[Install]\nWantedBy=sysinit.target\n',
    );
    writeFileSync(join(units, 'dbus.service.d/late.conf'), '[Service]\nExecStartPre=/bin/sleep 2\n');
    await machine.must(SYSTEMCTL, 'enable', 'early');
    await machine.shutDown();
    await machine.boot();
    const at = async (unit: string): Promise<number> =>
      Number(await host.property('ActiveEnterTimestampMonotonic', unit));
    const [knockctl, early, dbus, ssh] = await Promise.all(
      ['knockctl.service', 'early.service', 'dbus.service', 'ssh.service'].map(at),
    );
    assert.ok(Number(await host.property('InactiveExitTimestampMonotonic', 'early')) > 0 || early === 0);
    assert.ok((knockctl ?? 0) > 0 && (dbus ?? 0) > 0);
    assert.ok((knockctl ?? 0) < (dbus ?? 0), 'armed before there was a bus');
    assert.ok((knockctl ?? 0) < (ssh ?? 0));
    assert.equal(await host.property('NRestarts'), '0');
    await machine.must(SYSTEMCTL, 'disable', 'early');
    await host.protects('after that boot');
  });

  test('it crashes, or is killed: systemd starts it again', async () => {
    for (const signal of ['-KILL', '-SEGV']) {
      const pid = await host.property('MainPID');
      await machine.must('/bin/kill', signal, pid);
      await waitFor(async () => !['0', pid].includes(await host.property('MainPID')), 'another supervisor');
      await host.armed(`after kill ${signal}`);
    }
    // An exception that nobody catches: Node's own way to end.
    writeFileSync(
      host.inside('/root/boom.mjs'),
      "import { existsSync } from 'node:fs';\nsetInterval(() => { if (existsSync('/run/boom')) throw new Error('boom'); }, 100).unref();\n",
    );
    const drop = host.inside('/etc/systemd/system/knockctl.service.d');
    mkdirSync(drop, { recursive: true });
    writeFileSync(
      join(drop, 'boom.conf'),
      '[Service]\nEnvironment=NODE_OPTIONS=--import=file:///root/boom.mjs\n',
    );
    await machine.must(SYSTEMCTL, 'daemon-reload');
    await machine.must(SYSTEMCTL, 'restart', 'knockctl');
    const pid = await host.property('MainPID');
    await machine.must('/usr/bin/touch', '/run/boom');
    await log(/Error: boom/);
    await machine.must('/bin/rm', '/run/boom');
    rmSync(drop, { recursive: true });
    await machine.must(SYSTEMCTL, 'daemon-reload');
    await waitFor(async () => !['0', pid].includes(await host.property('MainPID')), 'one without that fault');
    await host.armed('after an exception');
    assert.ok(Number(await host.property('NRestarts')) > 0);
  });
});
