/** What Debian's own readers of these files say of them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { COMPLETION, MANUAL } from './pages.js';

describe('man pages and completion, as Debian reads them', () => {
  it('mandoc has nothing to say against a page', () => {
    const pages = readdirSync(MANUAL).map((name) => fileURLToPath(new URL(name, MANUAL)));
    assert.equal(pages.length, 4);
    const { status, stdout, stderr } = spawnSync('mandoc', ['-Tlint', '-Wwarning', ...pages], {
      encoding: 'utf8',
    });
    assert.equal(stdout + stderr, '');
    assert.equal(status, 0);
  });

  it('zsh can read its own', () => {
    assert.equal(
      spawnSync('zsh', ['-n', `${COMPLETION.pathname}_knockctl`], { encoding: 'utf8' }).stderr,
      '',
    );
  });
});
