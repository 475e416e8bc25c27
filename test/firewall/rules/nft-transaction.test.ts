import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import type { ListedRule } from '../../../src/firewall/rules/nft-listing.js';
import { byHandles, newJumps, toRestore } from '../../../src/firewall/rules/nft-transaction.js';

const JUMP = '-p tcp -m comment --comment "knockctl:ssh" -j ssh_policy';
const TEXT = [
  '*filter',
  ':ssh_policy - [0:0]',
  '-A ssh_policy -j DROP',
  `-D INPUT ${JUMP}`,
  `-D INPUT ${JUMP}`,
  `-I INPUT ${JUMP}`,
  '-F ssh_old',
  '-X ssh_old',
  'COMMIT',
  '',
].join('\n');

describe('a transaction by nft', () => {
  it('makes by iptables-restore, and nothing goes that way', () => {
    assert.equal(
      toRestore(TEXT, 'filter'),
      `*filter\n:ssh_policy - [0:0]\n-A ssh_policy -j DROP\n-I INPUT ${JUMP}\nCOMMIT\n`,
    );
    assert.equal(toRestore('*filter\n-F a\n-X a\nCOMMIT\n', 'filter'), '');
  });

  it('takes out by handles, each once, and rules before chains', () => {
    const handles = [4, 9].map((handle) => ({ text: `-A INPUT ${JUMP}`, handle }));
    const lines = ['delete rule ip filter INPUT handle 4', 'delete rule ip filter INPUT handle 9'];
    const chains = ['flush chain ip filter ssh_old', 'delete chain ip filter ssh_old'];
    assert.equal(byHandles(TEXT, 'ip', 'filter', handles), [...lines, ...chains, ''].join('\n'));
    assert.equal(byHandles('*filter\n-A a -j DROP\nCOMMIT\n', 'ip6', 'filter', []), '');
  });

  it('takes out no rule that was not read', () => {
    const handles = [{ text: `-A INPUT ${JUMP}`, handle: 4 }];
    assert.throws(() => byHandles(TEXT, 'ip', 'filter', handles), /no handle of nft is known for: -D INPUT/);
  });

  it('knows new rules again by their places', () => {
    const text = '*filter\n-I INPUT -j ssh_b\n-I INPUT -j ssh_a\n-A FORWARD -j ssh_c\nCOMMIT\n';
    const at = (chain: string, handle: number): ListedRule => ({
      ...{ chain, handle, number: handle, target: 'x', hasComment: true, form: '', packets: 0 },
    });
    const told = newJumps(text, [at('INPUT', 1), at('INPUT', 2), at('FORWARD', 3)]);
    assert.deepEqual(
      told.map((one) => [one.rule.handle, one.text]),
      [
        [1, '-A INPUT -j ssh_a'],
        [2, '-A INPUT -j ssh_b'],
        [3, '-A FORWARD -j ssh_c'],
      ],
    );
    assert.deepEqual(newJumps(text, [at('INPUT', 1)]), [], 'somebody came between');
  });
});
