/** fail2ban and CrowdSec, as Debian has them, ban by knockctl. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { waitFor } from '../helpers/wait.js';
import { CLIENT, type Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

async function banned(machine: Machine): Promise<string> {
  return machine.must(CTL, 'list', 'banned');
}

describe('bans by knockctl', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
  });
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  test('of fail2ban', async (context) => {
    await using machine = await protectedMachine(folder, 'fail2ban', 'python3-systemd');
    const host = new Host(machine);
    context.diagnostic(await host.version('fail2ban'));
    const client = async (...words: readonly string[]): Promise<string> =>
      machine.must('/usr/bin/fail2ban-client', ...words);
    const jail =
      '[DEFAULT]\\nbackend = systemd\\nbanaction = knockctl\\nbanaction_allports = knockctl\\n[sshd]\\nenabled = true\\nbantime = -1\\n';
    await machine.must('/bin/sh', '-c', `printf '${jail}' > /etc/fail2ban/jail.local`);
    await machine.must(SYSTEMCTL, 'restart', 'fail2ban');
    const isUp = async (): Promise<boolean> =>
      (await machine.run('/usr/bin/fail2ban-client', 'ping')).exitCode === 0;
    await waitFor(isUp, 'fail2ban');
    await host.knock();
    await waitFor(async () => host.answers(), 'the knock to open');
    const many = Array.from({ length: 300 }, (_, index) => `10.9.${index >> 8}.${index & 255}`);
    await client('set', 'sshd', 'banip', CLIENT[4], '192.0.2.55', ...many);
    await waitFor(async () => /banned +192\.0\.2\.55 +for ever/.test(await banned(machine)), 'its ban');
    await waitFor(async () => (await banned(machine)).split('\n').length > 300, 'all of its bans');
    assert.ok(!(await banned(machine)).includes(CLIENT[4]), 'whoever has knocked is not banned');
    assert.equal(await host.answers(), true);
    await client('set', 'sshd', 'unbanip', '192.0.2.55', CLIENT[4]);
    await waitFor(async () => !(await banned(machine)).includes('192.0.2.55'), 'the end of its ban');
    assert.equal(await host.answers(), true, 'an unban does not shut the door');
    await machine.must(SYSTEMCTL, 'restart', 'fail2ban');
    await waitFor(isUp, 'fail2ban again');
    await waitFor(async () => (await banned(machine)).split('\n').length > 300, 'its bans after the restart');
    await machine.must(SYSTEMCTL, 'stop', 'fail2ban');
    await waitFor(async () => !(await banned(machine)).includes('10.9.'), 'no ban after its stop');
    await machine.must(CTL, 'flush', CLIENT[4]);
    await host.protects('beside it');
  });

  test('of CrowdSec, by its custom bouncer', async (context) => {
    await using machine = await protectedMachine(folder, 'crowdsec', 'crowdsec-custom-bouncer');
    const host = new Host(machine);
    context.diagnostic(await host.version('crowdsec-custom-bouncer'));
    const shell = async (script: string): Promise<string> => machine.must('/bin/sh', '-ec', script);
    await shell('systemctl start crowdsec');
    const file = '/etc/crowdsec/bouncers/crowdsec-custom-bouncer.yaml.local';
    const isUp = async (): Promise<boolean> =>
      (await machine.run('/bin/sh', '-c', 'cscli decisions list')).exitCode === 0;
    await waitFor(isUp, 'CrowdSec');
    const settings =
      'bin_path: /usr/lib/knockctl/neighbours/knockctl-ban\\nfeed_via_stdin: false\\nupdate_frequency: 1s';
    await shell(
      `key=$(cscli bouncers add ours -o raw | tr -d '"'); ` +
        `printf "api_url: http://127.0.0.1:8080/\\napi_key: $key\\n${settings}\\n" > ${file}; systemctl restart crowdsec-custom-bouncer`,
    );
    await host.knock();
    await waitFor(async () => host.answers(), 'the knock to open');
    await shell(
      `cscli decisions add --ip 192.0.2.55 --duration 1h; cscli decisions add --ip ${CLIENT[4]} --duration 1h`,
    );
    await waitFor(async () => /banned +192\.0\.2\.55 +(?:59|1 h)/.test(await banned(machine)), 'its ban');
    await shell('/usr/lib/knockctl/neighbours/knockctl-ban sync');
    assert.ok(!(await banned(machine)).includes(CLIENT[4]), 'whoever has knocked is not banned');
    assert.equal(await host.answers(), true);
    await shell(`cscli decisions delete --ip 192.0.2.55; cscli decisions delete --ip ${CLIENT[4]}`);
    await waitFor(async () => !(await banned(machine)).includes('192.0.2.55'), 'the end of its ban');
    assert.equal(await host.answers(), true, 'an unban does not shut the door');
  });
});
