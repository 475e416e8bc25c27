/** Rules that cannot be read are told, not passed over in silence: by made-up answers of the tools. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { tables } from '../../../src/iptables-parser/query.js';
import { gatherRules, type RulesFound } from '../../../src/doctor/facts/gather-rules.js';
import type { Exec } from '../../../src/system/exec.js';

/** What is gathered where a tool, by a part of its words, prints that; others print nothing, nft an empty list. */
async function gather(of: RegExp, stdout: string, exitCode = 0): Promise<RulesFound> {
  const exec: Exec = async (argv) => {
    const words = argv.join(' ').replace(/^\S*\//, '');
    if (of.test(words)) return Promise.resolve({ exitCode, stdout, stderr: 'it says no\nmore' });
    return Promise.resolve({
      exitCode: 0,
      stdout: words.startsWith('nft') ? '{"nftables":[]}' : '',
      stderr: '',
    });
  };
  return gatherRules(exec);
}

const GOOD = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j DROP\nCOMMIT\n';

describe('reading rules', () => {
  it('all that is there', async () => {
    const { rules, unread } = await gather(/^iptables-nft-save$/, GOOD);
    assert.deepEqual(unread, []);
    assert.equal(tables(rules.get('nft')?.get(4) ?? { entries: [], finalNewline: true }).length, 1);
  });

  it('a tool that fails', async () => {
    const { unread } = await gather(/^ip6tables-nft-save$/, '', 1);
    assert.deepEqual(unread, ['the rules of ip6tables-nft could not be read: it says no']);
  });

  it('lines that we cannot read: the rest counts', async () => {
    const { rules, unread } = await gather(/^iptables-nft-save$/, GOOD.replace('-A', '-? what\n-A'));
    assert.deepEqual(unread, ['the rules of iptables-nft could not all be read; lines passed over: 1']);
    assert.ok(rules.get('nft')?.get(4) !== undefined);
  });

  it('nft that fails, or prints nonsense', async () => {
    assert.deepEqual((await gather(/^nft/, '', 1)).unread, [
      'the tables of nft could not be read: it says no',
    ]);
    assert.deepEqual((await gather(/^nft/, '[]')).unread, [
      'the tables of nft could not be read: nft printed something unexpected',
    ]);
  });
});
