import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EXIT, KnockError } from '../../src/base/errors.js';
import { findTool, requireTool } from '../../src/system/tools.js';
import { TempFolder } from '../helpers/temp.js';

describe('tools', () => {
  it('are found by absolute path in the system’s folders, whatever $PATH says', () => {
    using folder = new TempFolder();
    for (const name of ['flock', 'knockctl-evil']) {
      writeFileSync(folder.file(name), '#!/bin/sh\n');
      chmodSync(folder.file(name), 0o755);
    }
    const before = process.env['PATH'];
    process.env['PATH'] = folder.path;
    try {
      assert.match(findTool('flock') ?? '', /^\/(?:usr\/)?(?:local\/)?s?bin\/flock$/);
      assert.equal(findTool('knockctl-evil'), undefined);
    } finally {
      process.env['PATH'] = before;
    }
  });

  it('that are missing are an error that says how to get them', () => {
    assert.equal(requireTool('flock'), findTool('flock'));
    assert.throws(
      () => requireTool('no-such-tool'),
      (error) =>
        error instanceof KnockError &&
        error.exitCode === EXIT.firewall &&
        error.message === 'no-such-tool is not installed' &&
        error.hint?.startsWith('apt-get install ') === true,
    );
  });
});
