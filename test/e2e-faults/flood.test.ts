import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { waitFor } from '../helpers/wait.js';
import { DOORS, getsIn, residentKb, stage } from './setting.js';

const UDP_DOOR = '[udp]\nsequence = 7100:udp,7101:udp\nseq_timeout = 5\ncommand = knockctl accept %IP%\n';
const SECONDS = 6;

/**
 * Sends datagrams as fast as it can: garbage of all lengths to all ports (the knock ports among them), and first knocks.
 * Its own address changes over a whole network, so that every one is another source.
 */
const FLOOD = `
const dgram = require('node:dgram');
const [to, prefix, seconds] = process.argv.slice(1);
const noise = require('node:crypto').randomBytes(1400);
const sockets = [];
const end = Date.now() + 1000 * Number(seconds);
let sent = 0;
(async () => {
  for (let host = 10; host < 210; host++) {
    const socket = dgram.createSocket('udp4').on('error', () => {});
    await new Promise((resolve) => socket.bind(0, prefix + host, resolve));
    sockets.push(socket);
  }
  const burst = () => {
    for (let i = 0; i < 500; i++, sent++) {
      const port = i % 2 === 0 ? 7100 : i % 10 === 1 ? 7000 : 1 + ((sent * 7919) % 65535);
      sockets[sent % sockets.length].send(noise, 0, (sent * 31) % 1400, port, to, () => {});
    }
    if (Date.now() < end) setImmediate(burst);
    else setTimeout(() => { console.log('sent ' + sent); process.exit(0); }, 200);
  };
  burst();
})();
`;

test('a flood of garbage and of first knocks: armed throughout, memory flat, and doors open afterwards', async () => {
  await using scene = await stage('nft', { doors: DOORS + UDP_DOOR });
  const { lab, product } = scene;
  const ip = Array.from({ length: 200 }, (_, index) => `addr add 10.77.1.${index + 10}/24 dev eth0`).join(
    '\n',
  );
  const added = await lab.exec('client', ['/usr/sbin/ip', '-batch', '-'], { input: `${ip}\n` });
  assert.equal(added.exitCode, 0, added.stderr);
  await product.start();
  const session = await lab.openSession('client2', ADDRESS.server[4], 2222).catch(() => undefined);
  assert.equal(session, undefined, 'the port is shut');
  const pids = [product.identity('supervisor')?.pid ?? 0, product.identity('listener')?.pid ?? 0];
  const before = pids.map(residentKb);
  const flood = lab.spawn('client', [
    process.execPath,
    '-e',
    FLOOD,
    ADDRESS.server[4],
    '10.77.1.',
    String(SECONDS),
  ]);
  while (flood.exitCode === undefined) {
    assert.equal((await product.status()).state, 'armed');
    assert.equal(await getsIn(lab, 'client2'), false);
  }
  await flood.closed;
  assert.match(flood.stdout, /sent \d{5,}/, flood.describe());
  const { listener } = await product.status();
  assert.ok((listener?.packets ?? 0) > 1_000, `the listener has seen ${listener?.packets} packets`);
  assert.equal(product.identity('listener')?.pid, pids[1], 'the same listener all the time');
  for (const [index, pid] of pids.entries()) {
    const grownKb = residentKb(pid) - (before[index] ?? 0);
    assert.ok(grownKb < 80 * 1024, `process ${index} grew by ${grownKb} kB`);
  }
  assert.deepEqual(await product.addresses('filter'), [], 'nobody completed a sequence');
  await lab.knock('client2', ADDRESS.server[4], ['7100:udp', '7101:udp']);
  await waitFor(async () => getsIn(lab, 'client2'), 3_000, 'the door to open');
});
