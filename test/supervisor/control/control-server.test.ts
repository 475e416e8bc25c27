import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { afterEach, describe, it } from 'node:test';

import { EXIT, KnockError } from '../../../src/base/errors.js';
import { ControlServer, errorReply } from '../../../src/supervisor/control/control-server.js';
import { frame } from '../../../src/wire/frames.js';
import { REQUEST_LIMIT, type EventRecord } from '../../../src/wire/control.js';
import { waitFor } from '../../helpers/wait.js';
import { DONE, readAll, replyIn, Stand } from './fixture.js';

const HAPPENING: EventRecord = { number: 1, time: '', kind: 'x', text: 'y'.repeat(10_000), fields: {} };
const stands: Stand[] = [];

describe('the control server', () => {
  afterEach(() => {
    for (const stand of stands.splice(0)) stand[Symbol.dispose]();
  });
  const make = async (requestTimeoutMs?: number): Promise<Stand> => {
    const stand = new Stand(requestTimeoutMs);
    stands.push(stand);
    return stand.open();
  };

  it('answers a request, and closes', async () => {
    const stand = await make();
    assert.equal(await stand.send(frame({ verb: 'status' })), frame({ type: 'reply', reply: DONE }));
    assert.deepEqual(stand.asked, [{ verb: 'status' }]);
  });

  it('is for its owner only, and takes the place of a leftover', async () => {
    const stand = new Stand();
    stands.push(stand);
    writeFileSync(stand.path, '');
    const umask = process.umask(0o011);
    await stand.open();
    assert.equal(process.umask(umask), 0o011, 'the umask is put back');
    assert.equal(statSync(stand.path).mode & 0o777, 0o600);
  });

  it('refuses a path that no socket can have', async () => {
    const server = new ControlServer(`/tmp/${'x'.repeat(103)}`, {
      answer: async () => Promise.resolve(DONE),
      follow: () => ({ [Symbol.dispose]: () => undefined }),
    });
    await assert.rejects(
      server.open(),
      (error) => error instanceof KnockError && error.exitCode === EXIT.config,
    );
  });

  for (const [what, bytes] of [
    ['what is not JSON', 'status\n'],
    ['what is no request', '{"verb":"reboot"}\n'],
    ['a key too much', '{"verb":"status","more":1}\n'],
    ['a target that is no text', '{"verb":"accept","targets":[1]}\n'],
    ['an empty line', '\n'],
  ] as const) {
    it(`refuses ${what}`, async () => {
      const stand = await make();
      const reply = replyIn(await stand.send(bytes));
      assert.equal(reply.exitCode, EXIT.usage);
      assert.equal(reply.remarks.length, 1);
      assert.deepEqual(stand.asked, []);
    });
  }

  it('cuts off a request that is too long, while it is still coming', async () => {
    const stand = await make();
    const part = 'x'.repeat(1024 * 1024);
    const text = await stand.send(...Array.from({ length: REQUEST_LIMIT / part.length + 1 }, () => part));
    assert.deepEqual(stand.asked, []);
    // It may be reset before it has read the reply: it was still writing.
    if (text !== '') assert.match(replyIn(text).remarks[0]?.text ?? '', /^message longer than/);
  });

  it('carries out one request a connection', async () => {
    const stand = await make();
    const [one, two] = [frame({ verb: 'status' }), frame({ verb: 'stop' })];
    const text = await stand.send(one + two);
    assert.deepEqual(stand.asked, [{ verb: 'status' }]);
    assert.match(text, /one request a connection/);
    const stand2 = await make();
    let release: () => void = () => undefined;
    stand2.answer = async () =>
      new Promise((resolve) => {
        release = () => {
          resolve(DONE);
        };
      });
    const socket = await stand2.connect();
    const answer = readAll(socket);
    socket.write(one);
    await waitFor(() => stand2.asked.length === 1, 'the first');
    socket.write(two);
    assert.match(await answer, /one request a connection/);
    release();
    assert.deepEqual(stand2.asked, [{ verb: 'status' }]);
  });

  it('cuts off a caller that does not finish its request, however it drips', async () => {
    const stand = await make(300);
    const silent = readAll(await stand.connect());
    const dripping = await stand.connect();
    const drip = setInterval(() => dripping.write(' '), 20);
    const text = await readAll(dripping);
    clearInterval(drip);
    assert.equal(text, '');
    assert.equal(await silent, '');
    stand.answer = async () =>
      new Promise((resolve) =>
        setTimeout(() => {
          resolve(DONE);
        }, 500),
      );
    assert.equal(
      replyIn(await stand.send(frame({ verb: 'status' }))).exitCode,
      0,
      'an answer may take its time',
    );
  });

  it('tells what was thrown: message, hint and exit code', async () => {
    const stand = await make();
    stand.answer = async () => Promise.reject(new KnockError('no', { exitCode: EXIT.busy, hint: 'wait' }));
    const reply = replyIn(await stand.send(frame({ verb: 'status' })));
    assert.deepEqual(reply, { exitCode: 75, remarks: [{ level: 'error', text: 'no', hint: 'wait' }] });
    assert.deepEqual(errorReply(new TypeError('odd')), {
      exitCode: EXIT.firewall,
      remarks: [{ level: 'error', text: 'odd' }],
    });
  });

  it('does not mind a caller that is gone before its answer', async () => {
    const stand = await make();
    let release: () => void = () => undefined;
    stand.answer = async () =>
      new Promise((resolve) => {
        release = () => {
          resolve(DONE);
        };
      });
    const socket = await stand.connect();
    socket.write(frame({ verb: 'status' }));
    await waitFor(() => stand.asked.length === 1, 'the request');
    socket.destroy();
    release();
    stand.answer = async () => Promise.resolve(DONE);
    assert.equal(replyIn(await stand.send(frame({ verb: 'status' }))).exitCode, 0);
  });

  it('shows events to those who follow, and forgets them when they go', async () => {
    const stand = await make();
    const socket = await stand.connect();
    const text = readAll(socket);
    socket.write(frame({ verb: 'events', follow: true }));
    await waitFor(() => stand.followers.size === 1, 'the follower');
    for (const show of stand.followers) show(HAPPENING);
    let seen = '';
    socket.on('data', (chunk: Buffer) => (seen += chunk.toString()));
    await waitFor(() => seen.includes('"event"'), 'the event');
    socket.destroy();
    await text;
    await waitFor(() => stand.followers.size === 0, 'its end');
  });

  it('cuts off a follower that never reads: our memory is not its buffer', async () => {
    const stand = await make();
    const socket = await stand.connect();
    socket.pause();
    socket.write(frame({ verb: 'events', follow: true }));
    await waitFor(() => stand.followers.size === 1, 'the follower');
    const [show] = stand.followers;
    const before = process.memoryUsage.rss();
    let shown = 0;
    while (stand.followers.size > 0 && shown < 100_000) {
      show?.(HAPPENING);
      shown += 1;
      if (shown % 100 === 0) await new Promise(setImmediate);
    }
    socket.destroy();
    assert.ok(shown > 400 && shown < 10_000, `cut off after ${shown} events of 10 kB`);
    assert.ok(process.memoryUsage.rss() - before < 100 * 1024 * 1024);
  });

  it('serves so many callers at once, and tells one more that it is busy', async () => {
    const stand = await make();
    const held = await Promise.all(Array.from({ length: 64 }, async () => stand.connect()));
    const text = await stand.send(frame({ verb: 'status' }));
    assert.equal(replyIn(text).exitCode, EXIT.busy);
    held.forEach((socket) => socket.destroy());
    await waitFor(
      async () => replyIn(await stand.send(frame({ verb: 'status' }))).exitCode === EXIT.ok,
      'a place',
    );
  });

  it('closes each connection once its reply is out', async () => {
    const stand = await make();
    let release: () => void = () => undefined;
    stand.answer = async () =>
      new Promise((resolve) => {
        release = () => {
          resolve(DONE);
        };
      });
    const socket = await stand.connect();
    const text = readAll(socket);
    socket.write(frame({ verb: 'stop' }));
    await waitFor(() => stand.asked.length === 1, 'the request');
    setImmediate(() => {
      release();
    });
    assert.equal(replyIn(await text).exitCode, 0);
    stand.server.close();
    await assert.rejects(stand.connect(), /ENOENT|ECONNREFUSED/);
  });
});
