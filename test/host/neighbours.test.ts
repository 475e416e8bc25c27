/** Other people's tools on the same host: each started, reloaded, and both sides unharmed. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import { CLIENT, MACHINE } from './machine.js';
import { Host, KNOCK, protectedMachine } from './protected.js';

describe('beside other people’s tools', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('netfilter-persistent: rules that were saved with ours in them load at boot', async (context) => {
    await using machine = await protectedMachine(folder, 'iptables-persistent');
    const host = new Host(machine);
    context.diagnostic(await host.version('netfilter-persistent'));
    await machine.must('/usr/sbin/iptables', '-A', 'INPUT', '-s', '192.0.2.99', '-j', 'DROP');
    await machine.must('/usr/sbin/knockctl', 'drop', '192.0.2.66');
    await machine.must('/usr/sbin/netfilter-persistent', 'save');
    assert.match(await machine.must('/bin/cat', '/etc/iptables/rules.v4'), /knockctl:ssh/);
    await machine.shutDown();
    await machine.boot();
    assert.equal(await machine.must('/bin/systemctl', 'is-active', 'netfilter-persistent'), 'active\n');
    assert.match(await machine.must('/usr/sbin/iptables', '-S', 'INPUT'), /-s 192\.0\.2\.99\/32 -j DROP/);
    assert.match(await machine.must('/usr/sbin/knockctl', 'list'), /banned +192\.0\.2\.66/);
    await host.protects('after the boot');
    // A configuration that cannot be read keeps nobody's rules from being loaded.
    await machine.must('/bin/sh', '-c', 'echo nonsense >> /etc/knockctl/knockctl.conf');
    await machine.shutDown();
    await machine.boot();
    assert.equal(await machine.must('/bin/systemctl', 'is-active', 'netfilter-persistent'), 'active\n');
    assert.match(await machine.must('/usr/sbin/iptables', '-S', 'INPUT'), /-s 192\.0\.2\.99\/32 -j DROP/);
  });

  test('ufw: enabled, reloaded, disabled', async (context) => {
    await using machine = await protectedMachine(folder, 'ufw');
    const host = new Host(machine);
    context.diagnostic(await host.version('ufw'));
    await machine.must('/usr/sbin/ufw', 'allow', '22/tcp');
    await machine.must('/usr/sbin/ufw', '--force', 'enable');
    await host.protects('after ufw enable');
    await machine.must('/usr/sbin/ufw', 'reload');
    await host.protects('after ufw reload');
    assert.match(await machine.must('/usr/sbin/ufw', 'status'), /22\/tcp +ALLOW/);
    await machine.must('/usr/sbin/ufw', 'disable');
    await host.protects('after ufw disable');
  });

  test('firewalld: started, reloaded, stopped', async (context) => {
    await using machine = await protectedMachine(folder, 'firewalld');
    const host = new Host(machine);
    context.diagnostic(await host.version('firewalld'));
    await machine.must('/bin/systemctl', 'restart', 'firewalld');
    await host.protects('after firewalld has started');
    await machine.must('/usr/bin/firewall-cmd', '--reload');
    await host.protects('after firewall-cmd --reload');
    assert.match(await machine.must('/usr/bin/firewall-cmd', '--list-services'), /ssh/);
    await machine.must('/bin/systemctl', 'stop', 'firewalld');
    await host.protects('after firewalld has stopped');
  });

  test('fail2ban: bans beside ours, and is reloaded', async (context) => {
    await using machine = await protectedMachine(folder, 'fail2ban', 'python3-systemd');
    const host = new Host(machine);
    context.diagnostic(await host.version('fail2ban'));
    await machine.must(
      '/bin/sh',
      '-c',
      'printf "[DEFAULT]\\nbackend = systemd\\nbanaction = iptables-multiport\\n[sshd]\\nenabled = true\\n" > /etc/fail2ban/jail.local',
    );
    await machine.must('/bin/systemctl', 'restart', 'fail2ban');
    await waitFor(
      async () => (await machine.run('/usr/bin/fail2ban-client', 'ping')).exitCode === 0,
      'fail2ban',
    );
    await machine.must('/usr/bin/fail2ban-client', 'set', 'sshd', 'banip', '192.0.2.55');
    const bans = async (): Promise<boolean> =>
      (await machine.must('/usr/sbin/iptables-save')).includes('192.0.2.55');
    await waitFor(bans, 'its ban');
    await host.protects('beside fail2ban');
    await machine.must('/usr/bin/fail2ban-client', 'reload');
    await host.protects('after its reload');
    await machine.must('/usr/sbin/knockctl', 'restart');
    assert.ok(await bans(), 'its ban is untouched');
  });

  test('Docker: a published port, hidden in DOCKER-USER', async (context) => {
    await using machine = await protectedMachine(folder, 'docker.io', 'python3');
    const host = new Host(machine);
    context.diagnostic(await host.version('docker.io'));
    const shell = async (script: string): Promise<string> => machine.must('/bin/sh', '-ec', script);
    // runc cannot make control groups in a container like ours: so a namespace on Docker's own bridge stands for the
    // container, published by the very rules that Docker makes for one.
    await shell(
      'ip netns add box; ip link add box0 type veth peer name eth0 netns box; ip link set box0 master docker0 up; ' +
        'ip -n box addr add 172.17.0.2/16 dev eth0; ip -n box link set eth0 up; ip -n box route add default via 172.17.0.1; ' +
        'systemd-run --quiet ip netns exec box python3 -m http.server 2222',
    );
    const publish = async (): Promise<unknown> =>
      shell(
        'iptables -t nat -A DOCKER ! -i docker0 -p tcp -m tcp --dport 8022 -j DNAT --to-destination 172.17.0.2:2222; ' +
          'iptables -A DOCKER -d 172.17.0.2/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 2222 -j ACCEPT',
      );
    await publish();
    const answers = async (): Promise<boolean> =>
      (await machine.atClient(['/usr/bin/nc', '-z', '-w', '1', MACHINE[4], '8022'])).exitCode === 0;
    await waitFor(answers, 'what was published to answer');
    const conf = '/etc/knockctl/knockctl.conf';
    await machine.must('/bin/sh', '-c', `printf '[service.box]\\nports = 8022\\n' >> ${conf}`);
    const doctor = await machine.run('/usr/sbin/knockctl', 'doctor');
    assert.equal(doctor.exitCode, 1);
    assert.match(doctor.stdout, /danger +tcp port 8022 .*is sent on elsewhere, by Docker/);
    await machine.must('/bin/sed', '-i', 's/^ports = 8022/ports = 2222\\nchain = DOCKER-USER/', conf);
    await machine.must(
      '/bin/sh',
      '-c',
      "printf '[box]\\nsequence = 4000,6000,5000\\ntcpflags = syn\\ncommand = knockctl accept %%IP%% --service box\\n' >> /etc/knockctl/knockd.conf",
    );
    await machine.must('/usr/sbin/knockctl', 'reload');
    const protects = async (when: string): Promise<void> => {
      await waitFor(async () => !(await answers()), `the published port to be shut ${when}`);
      await machine.atClient([process.execPath, KNOCK, MACHINE[4], '4000', '6000', '5000']);
      await waitFor(answers, `a knock to open it ${when}`);
      await machine.must('/usr/sbin/knockctl', 'flush', CLIENT[4]);
      assert.equal(await answers(), false, `shut again ${when}`);
    };
    await protects('at first');
    await machine.must('/bin/systemctl', 'restart', 'docker');
    await publish();
    await protects('after Docker has started again');
    await host.protects('beside it');
    assert.match(await machine.must('/usr/bin/docker', 'info'), /Server Version/);
  });
});
