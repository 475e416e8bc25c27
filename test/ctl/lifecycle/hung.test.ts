import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { askUnlessHung } from '../../../src/ctl/lifecycle/hung.js';
import type { Answer } from '../../../src/ctl/supervisor-client.js';
import { frame, FrameReader } from '../../../src/wire/frames.js';
import { readRequest, REQUEST_LIMIT } from '../../../src/wire/control.js';
import { TempFolder } from '../../helpers/temp.js';

const TICKS = 8;
const TICK_MS = 40;
const HUNG_MS = TICKS * TICK_MS;

/** Asks a supervisor to stop that answers each verb after so many milliseconds, or never. */
async function askOne(after: (verb: string) => number | undefined): Promise<Answer> {
  using folder = new TempFolder();
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    const reader = new FrameReader(REQUEST_LIMIT, (message) => {
      const ms = after(readRequest(message).verb);
      if (ms === undefined) return;
      setTimeout(() => {
        socket.end(frame({ type: 'reply', reply: { exitCode: 0, remarks: [] } }));
      }, ms);
    });
    socket.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
  });
  const path = folder.file('s');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    return await askUnlessHung(path, { verb: 'stop' }, { requestMs: 60_000, ticks: TICKS, tickMs: TICK_MS });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

describe('a supervisor that is asked to stop', () => {
  it('hangs if it answers no question', async () => {
    const beganMs = performance.now();
    assert.equal((await askOne(() => undefined)).kind, 'silent');
    assert.ok(performance.now() - beganMs >= HUNG_MS - 10);
  });

  it('hangs from some moment on', async () => {
    const beganMs = performance.now();
    const answer = await askOne(() => (performance.now() - beganMs < HUNG_MS ? 0 : undefined));
    assert.equal(answer.kind, 'reply');
    const stuck = await askOne((verb) =>
      verb === 'events' && performance.now() - beganMs < 2 * HUNG_MS ? 0 : undefined,
    );
    assert.equal(stuck.kind, 'silent');
  });

  // Red where the request alone is waited for.
  it('does not hang while it answers others, or answers them late', async () => {
    for (const after of [
      (verb: string) => (verb === 'stop' ? 3 * HUNG_MS : 0),
      (verb: string) => (verb === 'stop' ? 3 * HUNG_MS : HUNG_MS / 2),
    ])
      assert.equal((await askOne(after)).kind, 'reply');
  });

  // Red where the time is measured by a clock.
  it('does not hang because the machine stood still', async () => {
    const answer = askOne((verb) => (verb === 'stop' ? HUNG_MS : TICK_MS));
    await sleep(TICK_MS / 2);
    const endMs = performance.now() + 2 * HUNG_MS;
    while (performance.now() < endMs);
    assert.equal((await answer).kind, 'reply');
  });

  it('may be gone', async () => {
    using folder = new TempFolder();
    const answer = await askUnlessHung(
      folder.file('s'),
      { verb: 'stop' },
      { requestMs: 60_000, tickMs: TICK_MS },
    );
    assert.equal(answer.kind, 'absent');
  });
});
