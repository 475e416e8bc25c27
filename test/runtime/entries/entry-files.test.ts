import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';

import { EntryFiles } from '../../../src/runtime/entries/entry-files.js';
import { TempFolder } from '../../helpers/temp.js';

it('drops the files of sets that are gone, and no file that is being written', () => {
  using folder = new TempFolder();
  const state = folder.file('state');
  mkdirSync(state);
  // A reload drops files while the supervisor, this process, may be saving; 4194399 is above the highest process number.
  const written = `ssh_filter4.e8f8ce48565b.${process.pid}.tmp`;
  for (const name of ['ssh_filter4', 'web_filter4', 'ssh_banned4.damaged', written, 'x.4194399.tmp'])
    writeFileSync(`${state}/${name}`, '');
  const told: string[] = [];
  const files = new EntryFiles(
    { state, run: folder.file('run') },
    { record: (_kind, text) => void told.push(text) },
  );
  files.dropStrangers(new Set(['ssh_filter4']));
  assert.deepEqual(readdirSync(state).sort(), ['ssh_banned4.damaged', 'ssh_filter4', written].sort());
  assert.equal(told.length, 1);
  assert.match(told[0] ?? '', /web_filter4 are dropped/);
});
