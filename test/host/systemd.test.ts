/** Under systemd: start, stop and restart by whatever way, beside other instances, and the end of the package. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import type { Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

/** A door whose command is the administrator's own. */
const DOOR = '\n[own]\nsequence = 4100,4101\ntcpflags = syn\ncommand = touch /root/own\n';

describe('under systemd', () => {
  let machine: Machine;
  let host: Host;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = await protectedMachine(folder);
    host = new Host(machine);
    appendFileSync(host.inside('/etc/knockctl/knockd.conf'), DOOR);
    await machine.must(CTL, 'reload');
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('stop is the end of it, even if it was killed a moment ago', async () => {
    await machine.must('/bin/kill', '-KILL', await host.property('MainPID'));
    await machine.must(CTL, 'stop');
    assert.equal(await host.property('ActiveState'), 'inactive');
    assert.equal(await host.status(), 3);
    assert.equal((await machine.must(SYSTEMCTL, 'list-jobs', '--no-legend')).trim(), '');
    await new Promise((resolve) => setTimeout(resolve, 4_000)); // twice what systemd waits before it starts one again
    assert.equal(await host.status(), 3);
    assert.equal(await host.answers(), true);
  });

  test('a start that was told to have failed is not tried again, least of all without its trial', async () => {
    const conf = host.inside('/etc/knockctl/knockctl.conf');
    const good = readFileSync(conf, 'utf8');
    writeFileSync(conf, `${good}\n[listener]\nuser = no-such-user\n`);
    for (const words of [['--trial', '60'], []]) {
      const done = await machine.run(CTL, 'start', ...words);
      assert.notEqual(done.exitCode, 0);
      assert.match(done.stderr, /user no-such-user does not exist/);
      writeFileSync(conf, good);
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      assert.equal(await host.status(), 3, 'nothing has come into force by itself');
      writeFileSync(conf, `${good}\n[listener]\nuser = no-such-user\n`);
    }
    writeFileSync(conf, good);
    assert.equal(await host.answers(), true);
  });

  test('what was on trial and not confirmed is told in the same words as without systemd', async () => {
    await machine.must(CTL, 'start', '--trial', '5');
    await waitFor(async () => (await host.status()) === 3, 'the end of the trial');
    const again = await machine.run(CTL, 'start');
    assert.equal(again.exitCode, 1, again.stderr);
    assert.match(again.stderr, /on trial/);
    await machine.must(CTL, 'start', '--trial', '60');
    await machine.must(CTL, 'confirm');
    await host.armed('for good');
  });

  test('a second instance in a unit of its own does nothing to ours, and keeps its rules over a restart', async () => {
    mkdirSync(host.inside('/etc/kb'), { recursive: true });
    writeFileSync(
      host.inside('/etc/kb/knockctl.conf'),
      '[paths]\nrun = /run/kb\nstate = /var/lib/kb\ndoors = /etc/kb/doors\ntrusted = /etc/kb/trusted\n[service.web]\nports = 8080\n',
    );
    writeFileSync(
      host.inside('/etc/kb/doors'),
      '[web]\nsequence = 5000,5001,5002\ncommand = knockctl accept %IP% --service web\n',
    );
    writeFileSync(host.inside('/etc/kb/trusted'), '');
    writeFileSync(
      host.inside('/etc/systemd/system/kb.service'),
      `[Service]\nType=notify\nExecStart=${CTL} -c /etc/kb/knockctl.conf run\nRestart=on-failure\n`,
    );
    await machine.must(CTL, 'stop');
    await machine.must(SYSTEMCTL, 'start', 'kb');
    assert.equal(await host.property('ActiveState'), 'inactive', 'ours is not started by it');
    await machine.must(CTL, 'start');
    const jump = async (): Promise<boolean> =>
      (await machine.must('/usr/sbin/iptables', '-S', 'INPUT')).includes('knockctl:web');
    let gaps = 0;
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) if (!(await jump())) gaps += 1;
    })();
    await machine.must(SYSTEMCTL, 'restart', 'kb');
    over.abort();
    await watching;
    assert.equal(gaps, 0, await machine.must('/bin/journalctl', '-u', 'kb', '--no-pager'));
    await machine.must(SYSTEMCTL, 'stop', 'kb');
    assert.equal(await jump(), false);
    const said = await machine.must('/bin/journalctl', '-u', 'kb', '--no-pager');
    assert.doesNotMatch(await machine.must('/usr/sbin/ipset', 'list', '-n'), /web/, said);
    assert.equal(await host.status(), 0);
  });

  test('knockctl start in another network namespace has nothing to do with the unit', async () => {
    await machine.must(CTL, 'stop');
    await machine.must('/bin/ip', 'netns', 'add', 'other');
    const words = ['/bin/ip', 'netns', 'exec', 'other'];
    await machine.must(...words, '/bin/ip', 'link', 'set', 'lo', 'up');
    await machine.must(...words, CTL, 'start');
    assert.equal(await host.property('ActiveState'), 'inactive');
    assert.doesNotMatch(await machine.must('/usr/sbin/iptables-save'), /knockctl/);
    assert.match(await machine.must(...words, '/usr/sbin/iptables-save'), /knockctl:ssh/);
    await machine.must(...words, CTL, 'stop');
    await machine.must('/bin/ip', 'netns', 'delete', 'other');
  });

  test('without D-Bus', async () => {
    await machine.must(SYSTEMCTL, 'mask', '--now', 'dbus.service', 'dbus.socket');
    await machine.must(CTL, 'start');
    await host.protects('without a bus');
    await host.knock(['4100', '4101']);
    await waitFor(() => existsSync(host.inside('/root/own')), 'a line without a bus');
    await machine.must(CTL, 'restart');
    await machine.must(SYSTEMCTL, 'unmask', 'dbus.service', 'dbus.socket');
    await machine.must(SYSTEMCTL, 'start', 'dbus.socket');
    await host.armed('with and without');
  });

  test('the package goes with a supervisor dead, a file broken, rules left', async () => {
    await machine.must(SYSTEMCTL, 'mask', '--runtime', 'knockctl'); // it must not come back
    await machine.must('/bin/kill', '-KILL', await host.property('MainPID'));
    appendFileSync(host.inside('/etc/knockctl/knockctl.conf'), 'nonsense\n');
    assert.match(await machine.must('/usr/sbin/iptables-save'), /knockctl:ssh/);
    await machine.must(SYSTEMCTL, 'unmask', '--runtime', 'knockctl');
    await machine.must('/usr/bin/apt-get', 'remove', '-y', 'knockctl');
    assert.doesNotMatch(await machine.must('/usr/sbin/iptables-save'), /knockctl/);
    assert.equal(await machine.must('/usr/sbin/ipset', 'list', '-n'), '');
    // Removed, and not purged: installed again it says what comes next.
    const { stdout } = await machine.run(
      '/usr/bin/apt-get',
      'install',
      '-y',
      '--no-install-recommends',
      '/root/knockctl.deb',
    );
    assert.match(stdout, /knockctl: it does not run, and nothing is shut/);
    assert.equal(await host.answers(), true);
  });
});
