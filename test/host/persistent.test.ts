/** Beside iptables-persistent and ipset-persistent: what was saved while entries were in does not bring them back. And what a listener says that cannot begin. */
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import type { Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

describe('a host with netfilter-persistent and ipset-persistent', () => {
  let machine: Machine;
  let host: Host;
  let folder: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
    machine = await protectedMachine(folder, 'iptables-persistent', 'ipset-persistent');
    host = new Host(machine);
  });
  after(async () => {
    await machine[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  test('saved with entries in, flushed, rebooted: what was taken out stays out', async () => {
    await machine.must(CTL, 'accept', '192.0.2.1', '--timeout', '3600');
    await machine.must(CTL, 'accept', '192.0.2.2', '--timeout', '3600');
    await machine.must(CTL, 'drop', '192.0.2.3', '192.0.2.4');
    await machine.must(CTL, 'trust', '192.0.2.5');
    await machine.must('/usr/sbin/netfilter-persistent', 'save');
    assert.match(readFileSync(host.inside('/etc/iptables/ipsets'), 'utf8'), /192\.0\.2\.5/);
    const doctor = await machine.run(CTL, 'doctor');
    assert.match(
      doctor.stdout,
      /warning +\/etc\/iptables\/ipsets holds \d+ sets of knockctl's \(ssh_\w+ …; 5 entries\), and ipset-persistent loads it/,
    );
    await machine.must(CTL, 'flush', '192.0.2.1', '192.0.2.3');
    await machine.must(CTL, 'untrust', '192.0.2.5');
    await machine.shutDown();
    await machine.boot();
    await host.armed('after the boot');
    const list = await machine.must(CTL, 'list');
    assert.match(list, /filter +192\.0\.2\.2 /);
    assert.match(list, /banned +192\.0\.2\.4 /);
    assert.doesNotMatch(list, /192\.0\.2\.[135] /);
    const events = await machine.must(CTL, 'events');
    assert.match(events, /ssh_trusted4 was made by another program .*192\.0\.2\.5 taken out/);
    await host.protects('after the boot');
  });

  test('what a listener says at its end is in the error of start', async () => {
    const listener = '/usr/lib/knockctl/dist/app/bin/listener.js';
    const found = (
      await machine.must('/usr/bin/find', '/usr/lib', '-name', 'listener.js', '-path', '*app/bin*')
    )
      .trim()
      .split('\n')[0];
    const path = host.inside(found ?? listener);
    const good = readFileSync(path, 'utf8');
    await machine.must(CTL, 'stop');
    writeFileSync(path, 'require("/root/no-such-module");\n');
    const done = await machine.run(CTL, 'start');
    writeFileSync(path, good);
    assert.notEqual(done.exitCode, 0);
    assert.match(
      done.stderr,
      /the listener cannot work: its unit has ended: Error: Cannot find module '\/root\/no-such-module'/,
    );
  });

  // Red without the journal's words: "systemd-run … failed with status 1".
  test('so is the reason why its program cannot be read, and what to do', async () => {
    linkSync(host.inside('/usr/lib/knockctl/bin/node'), host.inside('/root/node'));
    const drop = host.inside('/etc/systemd/system/knockctl.service.d');
    mkdirSync(drop, { recursive: true });
    const start = '[Service]\nExecStart=\nExecStart=/root/node /usr/sbin/knockctl run\n';
    writeFileSync(join(drop, 'home.conf'), start);
    await machine.must(SYSTEMCTL, 'daemon-reload');
    const done = await machine.run(CTL, 'start');
    assert.notEqual(done.exitCode, 0);
    assert.match(
      done.stderr,
      /the listener cannot work: .*\/root\/node: No such file or directory \(at step EXEC\); \/root is hidden from the listener's unit \(ProtectHome\): install/,
    );
    rmSync(drop, { recursive: true });
    await machine.must(SYSTEMCTL, 'daemon-reload');
    await machine.must(SYSTEMCTL, 'start', 'knockctl');
    await waitFor(async () => (await host.status()) === 0, 'armed again');
  });
});
