import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';

import { LoopbackProbe } from '../../../src/supervisor/listener/loopback-probe.js';
import { FakeClock } from '../../helpers/fake-clock.js';

/** Binds another socket to a port of the loopback; gives the error's code, or undefined. */
async function bindError(port: number): Promise<string | undefined> {
  const socket = createSocket('udp4');
  try {
    return await new Promise((resolve) => {
      socket.once('error', (error) => {
        resolve('code' in error ? String(error.code) : error.message);
      });
      socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => {
        resolve(undefined);
      });
    });
  } finally {
    socket.close();
  }
}

describe('the self-knock', () => {
  it('has a port that nobody else can have, until it ends', async () => {
    const selfKnock = new LoopbackProbe(new FakeClock());
    await selfKnock.open();
    const { port = 0 } = selfKnock;
    assert.ok(port > 0);
    assert.equal(await bindError(port), 'EADDRINUSE');
    await selfKnock.open();
    assert.equal(selfKnock.port, port, 'opened once');
    selfKnock.send(300);
    assert.equal(selfKnock.age('00'.repeat(16)), undefined, 'never sent');
    selfKnock[Symbol.dispose]();
    assert.equal(await bindError(port), undefined);
  });
});
