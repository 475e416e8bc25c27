import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { StderrTail, summarize } from '../../../src/supervisor/launch/stderr-tail.js';

describe('the last words of a process', () => {
  it('are the line of its error, wherever in the stack that is', () => {
    const stack = `node:internal/modules/cjs/loader:1143
  throw err;
  ^

Error: Cannot find module '/root/knockctl/dist/app/bin/listener.js'
    at Module._resolveFilename (node:internal/modules/cjs/loader:1140:15)
${'    at more (node:internal/more:1:1)\n'.repeat(20)}  code: 'MODULE_NOT_FOUND',
  requireStack: []
}

Node.js v20.20.2
`;
    const words = new StderrTail();
    for (const part of stack.match(/[\s\S]{1,7}/g) ?? []) words.add(part);
    assert.equal(String(words), "Error: Cannot find module '/root/knockctl/dist/app/bin/listener.js'");
    // Red where only a line that begins with an error is looked for.
    assert.equal(
      summarize(`Error: the capture could not be loaded
    at load (/usr/lib/knockctl/dist/app/bin/listener.js:1:1) {
  [cause]: Error: EACCES: permission denied, open '/usr/lib/knockctl/cap.node'
      at Object.readFileSync (node:fs:448:20) {
    code: 'EACCES',
`),
      "[cause]: Error: EACCES: permission denied, open '/usr/lib/knockctl/cap.node'",
    );
    const loader =
      '/usr/bin/node: error while loading shared libraries: libuv.so.1: cannot open shared object file';
    assert.equal(summarize(`x\n${loader}: Permission denied\ny\n`), `${loader}: Permission denied`);
    assert.equal(
      summarize("Error [ERR_X]: EACCES: permission denied, open '/x'\n"),
      "Error [ERR_X]: EACCES: permission denied, open '/x'",
    );
  });

  it('are the end of what is no stack, in one line, and nothing that a terminal would obey', () => {
    assert.equal(summarize('setpriv: setresuid failed\nbye\n'), 'setpriv: setresuid failed | bye');
    assert.equal(summarize(`\u001b[2J\u202e\u0007evil`), '?[2J??evil');
    assert.equal(summarize('x'.repeat(5_000)).length, 500);
    assert.equal(summarize(''), '');
  });
});
