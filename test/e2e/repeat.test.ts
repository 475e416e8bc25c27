import assert from 'node:assert/strict';
import { test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product, QUICK } from '../helpers/product.js';

/** TCP SYNs to one port each, given as PORT:SEQUENCE, all from one source port: as a kernel sends them again. */
const RAW = `
import socket, struct, sys
source, destination = sys.argv[1:3]
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for item in sys.argv[3:]:
    port, sequence = map(int, item.split(':'))
    head = struct.pack('!HHIIBBH', 40000, port, sequence, 0, 5 << 4, 2, 1024)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack('!BBH', 0, 6, 20)
    tcp = head + struct.pack('!HH', checksum(pseudo + head + bytes(4)), 0)
    out.sendto(tcp, (destination, 0))
`;

async function send(lab: Lab, ...items: readonly string[]): Promise<void> {
  const argv = ['/usr/bin/python3', '-c', RAW, ADDRESS.client[4], ADDRESS.server[4], ...items];
  const done = await lab.exec('client', argv);
  assert.equal(done.exitCode, 0, done.stderr);
}

// knockd 0.8: has strict only: with the copy the door stays shut, seen 2026-11-21.
for (const [duplicates, opens] of [
  ['strict', false],
  ['tolerate', true],
] as const) {
  test(`duplicates = ${duplicates}: a retransmitted SYN ${opens ? 'is nothing' : 'ends the attempt'}`, async () => {
    await using lab = await createLab({ backend: 'nft' });
    const doors =
      '[d]\nsequence = 7000,7001,7002\nseq_timeout = 5\ntcpflags = syn\ncommand = knockctl accept %IP%\n[end]\nsequence = 6000\n';
    const product = new Product(lab, { doors, conf: `${QUICK}[listener]\nduplicates = ${duplicates}\n` });
    await product.start();
    // At once, late (a SYN is sent again after a second and more), and by somebody who knocks with new numbers.
    for (const [index, knock] of [
      ['7000:1', '7000:1', '7001:2', '7002:3'],
      ['7000:11', '7001:12', '7000:11', '7002:13'],
      ['7000:21', '7001:22', '7000:23', '7001:24', '7002:25'],
    ].entries()) {
      await send(lab, ...knock, `6000:${index}`);
      await product.waitForLog(/: end: OPEN SESAME/, index + 1);
      const isIn = (await product.must('list', 'filter')).includes(ADDRESS.client[4]);
      assert.equal(isIn, opens, `the kernel, ${knock.join(' ')}`);
      const told = product.log().filter((line) => line.includes(': d: OPEN SESAME')).length;
      assert.equal(told, opens ? index + 1 : 0, `the listener, ${knock.join(' ')}`);
      if (isIn) await product.must('flush', ADDRESS.client[4]);
    }
    await product.stop();
  });
}

// knockd 0.8: has each only: start, start, stop, stop, seen 2026-11-21.
test('repeat = extend: knocks at an open door put its stop command off; repeat = each: a pair each', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const write = (word: string): string => `echo ${word} %IP% >> ${lab.dir}/out`;
  const doors = `[d]\nsequence = 7000\nstart_command = ${write('start')}\ncmd_timeout = 6\nstop_command = ${write('stop')}\n`;
  const product = new Product(lab, { doors, conf: `${QUICK}[listener]\nrepeat = extend\n` });
  const lines = (): string[] => (readIfExists(`${lab.dir}/out`) ?? '').split('\n').slice(0, -1);
  await product.start();
  const { 4: client, 6: client6 } = ADDRESS.client;
  await lab.knock('client', ADDRESS.server[4], [7000]);
  const begun = performance.now();
  await product.waitForLog(/OPEN SESAME/);
  for (let times = 2; times <= 4; times += 1) {
    await lab.waitFor(() => performance.now() - begun > times * 2_000, 'a pause');
    await lab.knock('client', ADDRESS.server[4], [7000]);
    await product.waitForLog(/OPEN SESAME/, times);
  }
  await lab.knock('client', ADDRESS.server[6], [7000]);
  await product.waitForLog(/OPEN SESAME/, 5);
  assert.ok(performance.now() - begun > 6_500);
  await lab.waitFor(() => lines().length > 1, 'the second start command');
  assert.deepEqual(lines(), [`start ${client}`, `start ${client6}`], 'the stop would have come after 6 s');
  assert.equal((await product.status()).pendingStops, 2);
  await lab.waitFor(() => lines().length === 4, 'both stop commands');
  assert.deepEqual(lines().slice(2).sort(), [`stop ${client}`, `stop ${client6}`]);
  assert.equal((await product.status()).pendingStops, 0);

  // A reload is enough to change it.
  product.configure(`${QUICK}[listener]\nrepeat = each\n`);
  await product.must('reload');
  for (const times of [6, 7]) {
    await lab.knock('client', ADDRESS.server[4], [7000]);
    await product.waitForLog(/OPEN SESAME/, times);
  }
  await lab.waitFor(() => lines().length === 8, 'two pairs');
  await product.stop();
});
