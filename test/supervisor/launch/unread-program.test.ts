import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { deniedAdvice, unreadAdvice } from '../../../src/supervisor/launch/unread-program.js';

describe('a listener that cannot read its program', () => {
  it('is told where systemd hides the folder', () => {
    for (const [words, advice] of [
      [": Error: Cannot find module '/root/kc/listener.js'", /^\/root is hidden .* \(ProtectHome\): install/],
      [": Error: EACCES: permission denied, open '/home/ann/kc/listener.js'", /^\/home\/ann is hidden/],
      [
        'systemd could not run x: /root/.nvm/bin/node: No such file or directory (at step EXEC)',
        /^\/root is/,
      ],
      [": Error: Cannot find module '/tmp/kc/listener.js'", /^\/tmp is hidden .* \(PrivateTmp\)/],
    ] as const)
      assert.match(unreadAdvice(words), advice);
  });

  it('is told what it may not read', () => {
    const words = ": Error: EACCES: permission denied, open '/srv/kc/listener.js'";
    for (const advice of [unreadAdvice, deniedAdvice])
      assert.match(advice(words), /may not read \/srv\/kc\/listener\.js: .*namei -l \/srv\/kc\/listener\.js/);
    const setpriv = 'setpriv: failed to execute /root/node: Permission denied';
    assert.match(deniedAdvice(setpriv), /may not read \/root\/node:/);
  });

  it('is not told of other ends', () => {
    for (const words of [
      '',
      ': Error: boom at /root/kc/x.js',
      ": Error: Cannot find module 'cap'",
      ': EACCES',
    ])
      assert.deepEqual([unreadAdvice(words), deniedAdvice(words)], ['', ''], words);
  });
});
