import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import { ListenerConnection } from '../../../src/supervisor/listener/connection.js';
import { listenerChild, type ListenerStarter } from '../../../src/supervisor/launch/listener-child.js';
import { identify } from '../../../src/system/process.js';
import type { ListenerMessage } from '../../../src/wire/listener.js';
import { TempFolder } from '../../helpers/temp.js';
import { BEAT, KNOCK, ORDER, READY, standIn, STAY } from './fake-listener.js';

interface Life {
  readonly messages: ListenerMessage[];
  readonly reason: string;
  readonly pid: number | undefined;
}

/** One life of a listener, to its end; `until`: killed once so many messages have come. */
async function live(start: ListenerStarter, until = Infinity): Promise<Life> {
  const messages: ListenerMessage[] = [];
  return new Promise((resolve) => {
    let gone = 0;
    const listener = new ListenerConnection(start, ORDER, {
      message: (message) => {
        messages.push(message);
        if (messages.length === until) listener.kill('enough');
      },
      failed: (_message, error) => assert.fail(String(error)),
      gone: (reason) => {
        gone += 1;
        assert.equal(gone, 1, 'gone comes once');
        resolve({ messages, reason, pid: listener.pid });
      },
    });
  });
}

describe('a listener process', () => {
  it('gets its order, and what it says is passed on', async () => {
    using folder = new TempFolder();
    const script = `printf '%s' "$order" > ${folder.file('order')}; ${READY}; ${BEAT}; ${KNOCK}; ${STAY}`;
    const { messages, reason, pid } = await live(standIn(script), 3);
    assert.deepEqual(messages, [
      { type: 'ready', interfaces: ['any'] },
      { type: 'beat', packets: 7 },
      { type: 'knock', door: 1, address: '192.0.2.7' },
    ]);
    assert.equal(reason, 'enough (was killed by SIGKILL)');
    assert.deepEqual(JSON.parse(readFileSync(folder.file('order'), 'utf8')), ORDER);
    assert.equal(identify(pid ?? 0), undefined, 'it is gone');
  });

  it('lives on where what follows from a message fails, and its next message is acted on', async () => {
    const failures: string[] = [];
    const reason = await new Promise<string>((resolve) => {
      const listener: ListenerConnection = new ListenerConnection(
        standIn(`${READY}; ${KNOCK}; ${BEAT}; ${STAY}`),
        ORDER,
        {
          message: ({ type }) => {
            if (type === 'beat') listener.kill('enough');
            throw new Error('ENOSPC');
          },
          failed: ({ type }, error) => failures.push(`${type}: ${String(error)}`),
          gone: resolve,
        },
      );
    });
    assert.equal(reason, 'enough (was killed by SIGKILL)');
    assert.deepEqual(failures, ['ready: Error: ENOSPC', 'knock: Error: ENOSPC', 'beat: Error: ENOSPC']);
  });

  it('that exits is told with its status, and the last of what it wrote to standard error', async () => {
    const script = "head -c 5000 /dev/zero | tr '\\0' x >&2; echo 'no such device' >&2; exit 4";
    const { reason } = await live(standIn(script));
    assert.match(reason, /^exited with status 4: x+no such device$/);
    assert.ok(reason.length < 600);
  });

  it('has said its last word before it is gone', async () => {
    const { messages } = await live(standIn(`echo '{"type":"fatal","reason":"why"}' >&3; exit 1`));
    assert.deepEqual(messages, [{ type: 'fatal', reason: 'why' }]);
  });

  const HOSTILE: readonly (readonly [string, string, RegExp])[] = [
    ['garbage', 'head -c 100000 /dev/urandom >&3', /^(?:message is not JSON|message longer than 2048 bytes)/],
    ['JSON that is no message', "echo '{}' >&3", /^the listener sent a malformed message/],
    ['a verb of its own', `echo '{"verb":"flush","targets":["all"]}' >&3`, /^the listener sent a malformed/],
    [
      'an address that is none',
      `echo '{"type":"knock","door":1,"address":"1.2.3.4\\\\nflush"}' >&3`,
      /^the listener sent a malformed/,
    ],
    [
      'a line that never ends',
      "while :; do printf 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' >&3; done",
      /^message longer than 2048 bytes/,
    ],
    [
      'a line that is too long',
      "head -c 3000 /dev/zero | tr '\\0' '1' >&3; echo >&3",
      /^message longer than 2048 bytes/,
    ],
  ];
  for (const [what, script, reason] of HOSTILE) {
    it(`that says ${what} is killed, and nothing it says after that is believed`, async () => {
      const life = await live(standIn(`${script}; ${KNOCK}; ${STAY}`));
      assert.match(life.reason, reason);
      assert.match(life.reason, /\(was killed by SIGKILL\)$/);
      assert.deepEqual(life.messages, []);
      assert.equal(identify(life.pid ?? 0), undefined);
    });
  }

  it('that floods us with good messages is killed, and our memory stays flat', async () => {
    const before = process.memoryUsage.rss();
    // Each line of yes(1) is a message; a shell would be too slow for a flood.
    const flood = `exec yes '{"type":"knock","door":1,"address":"192.0.2.7"}' >&3`;
    const { messages, reason } = await live(standIn(flood));
    assert.match(reason, /^flooded the supervisor with messages \(knock\) \(was killed by SIGKILL\)$/);
    assert.ok(messages.length >= 4_000 && messages.length < 8_000, String(messages.length));
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 64 * 1024 * 1024, `${Math.round(grown / 1024 / 1024)} MB`);
  });

  it('that cannot be started is gone, and says why', async () => {
    const missing: ListenerStarter = (fate) =>
      listenerChild(
        spawn('/nonexistent/listener', [], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] }),
        fate,
      );
    const { reason } = await live(missing);
    assert.match(reason, /there is no (such file|program)/);
  });

  it('is gone when its own process is, although one that it started holds its pipes', async () => {
    using folder = new TempFolder();
    const script = `sleep 600 & echo $! > ${folder.file('pid')}; ${READY}; exit 0`;
    const begun = performance.now();
    const { reason, messages } = await live(standIn(script));
    const sleeper = Number(readFileSync(folder.file('pid'), 'utf8'));
    process.kill(sleeper, 'SIGKILL'); // throws where it is gone
    assert.equal(reason, 'exited with status 0');
    assert.equal(messages.length, 1);
    assert.ok(performance.now() - begun < 300_000, 'the sleep takes ten minutes');
  });
});
