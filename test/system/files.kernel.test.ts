/** Files on a full disk: what needs root. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { importing, inMountNamespace, runNode } from '../helpers/node-child.js';
import { TempFolder } from '../helpers/temp.js';

describe('files, as root', () => {
  it('replaceFile leaves the old content where there is no space', async () => {
    using folder = new TempFolder();
    const code = `${importing('replaceFile', 'system/files.js')}
      import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
      const path = '${folder.path}/state';
      replaceFile(path, 'old\\n');
      let fault = '';
      try { replaceFile(path, 'x'.repeat(1_000_000)); } catch (error) { fault = error.code; }
      const afterBig = [fault, readFileSync(path, 'utf8'), readdirSync('${folder.path}')];
      try { writeFileSync('${folder.path}/filler', 'x'.repeat(1_000_000)); } catch {}
      try { fault = 'none'; replaceFile(path, 'new\\n'); } catch (error) { fault = error.code; }
      console.log(JSON.stringify([afterBig, [fault, readFileSync(path, 'utf8')]]));`;
    const full = inMountNamespace(`mount -t tmpfs -o size=64k none ${folder.path}`);
    const done = await runNode(code, full);
    assert.equal(done.stderr, '');
    assert.deepEqual(JSON.parse(done.stdout), [
      ['ENOSPC', 'old\n', ['state']],
      ['ENOSPC', 'old\n'],
    ]);
  });
});
