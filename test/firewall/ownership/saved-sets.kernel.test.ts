import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { savedSets } from '../../../src/firewall/ownership/saved-sets.js';
import { KernelSpace } from '../../helpers/kernel-space.js';

/** Rules as they may have been saved, of a trial and of doors too. */
const RULES = `*filter
:INPUT ACCEPT [0:0]
:ssh_policy - [0:0]
:knock.doors - [0:0]
-A INPUT -p tcp -m tcp --dport 22 -m comment --comment "knockctl:ssh" -j ssh_policy
-A INPUT -m comment --comment "knockctl:knock.doors" -j knock.doors
-A INPUT -m set --match-set blocklist src -j DROP
-A INPUT -m set --match-set web_filter4 src -j DROP
-A INPUT -m set --match-set ssh_office_trusted4 src -j ACCEPT
-A ssh_policy -m set --match-set ssh_banned4 src -j DROP
-A ssh_policy -m set --match-set ssh_trusted4 src -j ACCEPT
-A ssh_policy -m set ! --match-set ssh_alive dst -j RETURN
-A ssh_policy -m set --match-set ssh_trial dst -j RETURN
-A ssh_policy -m set --match-set ssh.new_trusted4 src -j ACCEPT
-A ssh_policy -j SET --add-set ssh_filter4 src --exist --timeout 300
-A ssh_policy -m set --match-set knock.open.ab1c_window4 src -j RETURN
-A ssh_policy -j SET --del-set knock.open.ab1c_done2.4 src
COMMIT
`;

describe('the sets that saved rules name', () => {
  it('are ours, and of the kind that lets the rules be loaded', async () => {
    await using space = new KernelSpace();
    const specs = savedSets(RULES);
    assert.deepEqual(specs.map(({ name }) => name).sort(), [
      'knock.open.ab1c_done2.4',
      'knock.open.ab1c_window4',
      'ssh.new_trusted4',
      'ssh_alive',
      'ssh_banned4',
      'ssh_filter4',
      'ssh_trial',
      'ssh_trusted4',
    ]);
    const ours = RULES.replaceAll(/^.*(?:blocklist|web_|office).*\n/gm, '');
    await assert.rejects(space.must('iptables-nft-restore', ours), /knock|ssh_/);
    const sets = space.sets();
    assert.equal((await sets.provide(specs)).length, specs.length);
    assert.deepEqual(await sets.provide(specs), [], 'those that are there stay as they are');
    for (const backend of ['nft', 'legacy']) await space.must(`iptables-${backend}-restore`, ours);
  });

  it('of rules without ours: none', () => {
    assert.deepEqual(savedSets('*filter\n-A INPUT -m set --match-set blocklist src -j DROP\nCOMMIT\n'), []);
    assert.deepEqual(savedSets(''), []);
  });
});
