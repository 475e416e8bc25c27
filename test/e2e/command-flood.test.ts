import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product, QUICK } from '../helpers/product.js';

const KNOCKS = 10_000;

/** UDP datagrams to a port, 10,000 a second, each from another source of 10.0.0.0/8. */
const SPOOF = `
import socket, struct, sys, time
destination, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_aton(destination)
for number in range(count):
    source = struct.pack('!I', (10 << 24) + (9 << 16) + number)
    head = struct.pack('!BBHHHBBH', 0x45, 0, 29, number, 0, 64, 17, 0) + source + target
    if number % 50 == 49: time.sleep(0.005)
    out.sendto(head + struct.pack('!HHHH', 40000, port, 9, 0) + b'x', (destination, 0))
`;

async function flood(lab: Lab): Promise<void> {
  const argv = ['/usr/bin/python3', '-c', SPOOF, ADDRESS.server[4], '7000', String(KNOCKS)];
  const done = await lab.exec('client', argv);
  assert.equal(done.exitCode, 0, done.stderr);
}

/** Processes that the supervisor has started and that have not ended. */
function children(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((task) => readIfExists(`/proc/${pid}/task/${task}/children`) ?? '')
    .join('')
    .split(' ')
    .filter((text) => text.trim() !== '').length;
}

test('a flood of knocks forks a bounded number of commands, in few log lines, and every door that opens closes', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const [started, stopped] = [`${lab.dir}/started`, `${lab.dir}/stopped`];
  const product = new Product(lab, {
    doors: `[d]
sequence = 7000:udp
start_command = echo %IP% >> ${started}; sleep 0.2
cmd_timeout = 1
stop_command = echo %IP% >> ${stopped}
`,
    conf: QUICK,
  });
  await product.start();
  const lines = (path: string): string[] => (readIfExists(path) ?? '').split('\n').slice(0, -1);
  const pid = product.identity('supervisor')?.pid ?? 0;
  let most = 0;
  let state = '';
  const watch = setInterval(() => {
    most = Math.max(most, children(pid));
  }, 10);
  try {
    await flood(lab);
    await product.waitForLog(/start commands were dropped/);
    state = (await product.status()).state;
    const stops = `${product.paths.state}/stops.json`;
    await lab.waitFor(() => readIfExists(stops) === undefined, 'every door to close');
  } finally {
    clearInterval(watch);
  }
  assert.equal(state, 'armed');
  // That there were several shows that they were counted; how many a busy machine has at once is its own affair.
  assert.ok(most > 5 && most <= 64 + 64 + 5, `${most} processes at once`);
  const opened = lines(started);
  assert.ok(opened.length > 500, `${opened.length} opened`);
  assert.deepEqual(lines(stopped).sort(), opened.sort(), 'a stop for each start, and no other');
  const notices = product.log().filter((line) => line.includes('dropped') || line.includes('not reported'));
  // One of each kind in a second or less often: how many seconds it takes depends on the machine.
  assert.ok(notices.length <= KNOCKS / 200, `${notices.length} lines: ${notices.slice(0, 3).join('\n')}`);
  // Whoever knocks afterwards is served.
  await lab.knock('client', ADDRESS.server[4], ['7000:udp']);
  await lab.waitFor(() => lines(started).includes(ADDRESS.client[4]), 'the command of a later knock');
  await product.stop();
  assert.ok(lines(stopped).includes(ADDRESS.client[4]));
});

test('start commands that hang keep no door open, nor does a stop with many of them', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const stopped = `${lab.dir}/stopped`;
  const hang = `until [ -e ${lab.dir}/go ]; do sleep 0.2; done`;
  const product = new Product(lab, {
    doors: `[pair]
sequence = 6000:udp
start_command = true
cmd_timeout = 2
stop_command = echo %IP% >> ${stopped}
[hangs]
sequence = 7000:udp
command = ${hang}
`,
    conf: QUICK,
  });
  await product.start();
  await lab.knock('client', ADDRESS.server[4], ['6000:udp']);
  await product.waitForLog(/^pair: running command: true/);
  await flood(lab);
  await product.waitForLog(/start commands were dropped/);
  await lab.waitFor(() => readIfExists(stopped) === `${ADDRESS.client[4]}\n`, 'the stop command');
  await product.stop();
  await lab.exec('server', ['/usr/bin/touch', `${lab.dir}/go`]);
});
