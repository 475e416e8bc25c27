import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { namedBackend } from '../../../src/firewall/rules/backend.js';
import { Tables } from '../../../src/firewall/rules/tables.js';

/** Which of iptables' tables are said to sleep where nft prints this. */
async function asleep(stdout: string, exitCode = 0): Promise<string | undefined> {
  const tables = new Tables(
    async () => Promise.resolve({ exitCode, stdout, stderr: 'it says no' }),
    namedBackend('nft', ''),
  );
  return (await tables.sleeping())(4, 'filter');
}

describe('tables that are out of service', () => {
  // Red with the text alone caught, and not what it may be: every look at the rules failed.
  it('are none where nft fails, or prints nonsense', async () => {
    for (const text of [
      '',
      'nonsense',
      '[]',
      '{"nftables": 7}',
      '{"nftables": [{"table": {"flags": "dormant"}}]}',
    ])
      assert.equal(await asleep(text), undefined, text);
    assert.equal(await asleep('', 1), undefined);
  });

  it('are told with the command that wakes them', async () => {
    const table = { family: 'ip', name: 'filter', flags: ['dormant'] };
    assert.match(
      (await asleep(JSON.stringify({ nftables: [{ table }] }))) ?? '',
      /nft add table ip filter wakes it/,
    );
  });
});
