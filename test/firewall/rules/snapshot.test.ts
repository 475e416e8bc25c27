import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { takeSnapshot } from '../../../src/firewall/rules/snapshot.js';
import { Tables } from '../../../src/firewall/rules/tables.js';
import { TempFolder } from '../../helpers/temp.js';

const tool = { save: '/s', restore: '/r' };
const tables = new Tables(
  async (argv) => Promise.resolve({ exitCode: 0, stdout: `saved by ${argv.join(' ')}\n`, stderr: '' }),
  {
    name: 'nft',
    reason: '',
    tools: { 4: { ...tool, save: '/s4' }, 6: { ...tool, save: '/s6' } },
  },
);

describe('snapshots', () => {
  it('are whole saves of each family, for root only', async () => {
    using folder = new TempFolder();
    const paths = await takeSnapshot(tables, [4, 6], folder.file('s'), new Date(0));
    assert.deepEqual(
      paths.map((path) => readFileSync(path, 'utf8')),
      ['saved by /s4\n', 'saved by /s6\n'],
    );
    for (const path of paths) assert.equal(statSync(path).mode & 0o777, 0o600);
    assert.equal(statSync(folder.file('s')).mode & 0o777, 0o700);
  });

  it('are bounded: the oldest go, and no file of others', async () => {
    using folder = new TempFolder();
    for (const name of ['rules-mine', 'a.v4', 'rules-.v5']) writeFileSync(folder.file(name), '');
    for (let second = 0; second < 20; second += 1) {
      await takeSnapshot(tables, [4, 6], folder.path, new Date(second * 1000));
    }
    const names = readdirSync(folder.path).sort();
    const kept = names.filter((name) => /^rules-1970.*\.v[46]$/.test(name));
    assert.equal(kept.length, 10);
    assert.ok(kept.at(-1)?.includes('00-00-19'), 'the newest is among them');
    assert.ok(kept.every((name) => name >= 'rules-1970-01-01T00-00-15'));
    assert.equal(names.length, 13);
  });
});
