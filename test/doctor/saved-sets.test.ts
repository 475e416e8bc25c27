/** Sets that another program has saved and loads at a boot, by made-up facts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';

import { told } from './made-up.js';

/** As `ipset save` prints what knockctl and others have in the kernel (7.17). */
const SAVED = [
  'create ssh_trusted4 hash:net family inet hashsize 16384 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x1',
  'add ssh_trusted4 192.0.2.5 timeout 0 comment "cli"',
  'create ssh_filter4 hash:net family inet hashsize 16384 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x2',
  'add ssh_filter4 192.0.2.1 timeout 299 comment "cli"',
  'add ssh_filter4 255.255.255.255 timeout 0 nomatch',
  'create ssh.new_trusted4 hash:net family inet hashsize 16384 maxelem 1048576 timeout 0 comment bucketsize 12 initval 0x3',
  'create ssh_alive bitmap:port range 0-65535 timeout 30',
  'add ssh_alive 22 timeout 26',
  'create fail2ban hash:ip family inet hashsize 1024 maxelem 65536',
  'add fail2ban 192.0.2.9',
  '',
].join('\n');
const PATH = '/etc/iptables/ipsets';

const saved = (text: string, by = 'ipset-persistent'): string =>
  told({ savedSets: [{ path: PATH, text, by }] }).join('\n');

describe('doctor: saved sets with ours in them', () => {
  it('a warning that names the file, what that means, and what to do', () => {
    assert.match(
      saved(SAVED),
      /^warning: \/etc\/iptables\/ipsets holds 4 sets of knockctl's \(ssh_trusted4 …; 2 entries\), and ipset-persistent loads it \| so: at a boot .* until knockctl has started: .* \| fix: sed -i -E '.*' \/etc\/iptables\/ipsets; IPSET_SKIP_SAVE=yes/,
    );
    assert.doesNotMatch(saved(SAVED, 'ipset.service'), /IPSET_SKIP_SAVE/);
  });

  it('what it says takes out our sets and leaves those of others', () => {
    const expression = /sed -i -E '([^']*)'/.exec(saved(SAVED))?.[1] ?? '';
    const { stdout } = spawnSync('/bin/sed', ['-E', expression], { input: SAVED, encoding: 'utf8' });
    assert.equal(stdout, SAVED.split('\n').slice(-3).join('\n'));
    assert.equal(saved(stdout), '');
  });

  it('sets of others are nothing to us', () => {
    assert.equal(saved(''), '');
    assert.equal(saved('create sshd_filter4 hash:net family inet\nadd sshd_filter4 192.0.2.1\n'), '');
    assert.equal(told({ savedSets: [] }).join(), '');
  });
});
