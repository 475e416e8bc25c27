/** A file of another owner: what needs root. */
import assert from 'node:assert/strict';
import { chownSync } from 'node:fs';
import { it } from 'node:test';

import { StateFile } from '../../src/system/state-file.js';
import { TempFolder } from '../helpers/temp.js';

it('a state file of somebody else is not believed', () => {
  using folder = new TempFolder();
  const file = new StateFile(folder.file('f.json'), { parse: (document) => document });
  file.write({ a: 1 });
  assert.deepEqual(file.read(), { a: 1 });
  chownSync(file.path, 65_534, 65_534);
  assert.throws(() => file.read(), /f\.json is damaged: others can write to it$/);
});
