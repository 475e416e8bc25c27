import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, it } from 'node:test';

import type { Family } from '../../src/base/address.js';
import { listeningPorts, readListening } from '../../src/system/listening.js';
import { socketOwners } from '../../src/system/processes.js';

/** A line of /proc/net/tcp on a machine whose numbers begin with the lowest byte. */
function line(address: string, state = '0A'): string {
  return `   0: ${address} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 4711 1 0000000000000000 100 0 0 10 0\n`;
}

function words(text: string, family: Family): string[] {
  return readListening(text, 'tcp', family).map(
    (one) => `${one.family} ${one.port} ${one.inode}${one.isLoopback ? ' loopback' : ''}`,
  );
}

const ZEROS = '0'.repeat(24);

describe('who listens', () => {
  it('reads addresses: all, one, the loopback', () => {
    assert.deepEqual(words(line('00000000:0016'), 4), ['4 22 4711']);
    assert.deepEqual(words(line('0100007F:0016'), 4), ['4 22 4711 loopback']);
    assert.deepEqual(words(line('3500007F:0035'), 4), ['4 53 4711 loopback']);
    assert.deepEqual(words(line('7F0000C0:0016'), 4), ['4 22 4711']);
    assert.deepEqual(words(line(`${ZEROS}01000000:0016`), 6), ['6 22 4711 loopback']);
    assert.deepEqual(words(line('B80D0120000000000000000001000000:0016'), 6), ['6 22 4711']);
  });

  it('a socket of IPv6 for all takes IPv4 too, and one for an address of IPv4 that alone', () => {
    assert.deepEqual(words(line(`${ZEROS}00000000:0016`), 6), ['6 22 4711', '4 22 4711']);
    assert.deepEqual(words(line('0000000000000000FFFF00000100007F:0016'), 6), ['4 22 4711 loopback']);
  });

  it('connections are none', () => {
    assert.deepEqual(words(line('00000000:0016', '01'), 4), []);
  });

  it('knows our own socket, and whose it is', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const own = listeningPorts().find((one) => one.port === port && one.protocol === 'tcp');
    assert.equal(own?.isLoopback, true);
    assert.match(socketOwners().get(own.inode) ?? '', /node/);
    server.close();
  });
});
