/** What strangers can make the supervisor write, by packets of whatever number and from whatever source. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { ADDRESS, createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { conf } from './setting.js';

/** Seconds of the flood, datagrams a second. */
const SECONDS = 3;
const RATE = 2_500;

/** A door with a stop command that is no verb, one with one that is, a decoy, and the first step of a door. */
const DOORS = `[line]
sequence = 7000:udp
start_command = true %IP%
cmd_timeout = 2
stop_command = true %IP%
[verb]
sequence = 7001:udp
start_command = knockctl accept %IP%
cmd_timeout = 2
stop_command = knockctl flush %IP%
[decoy]
sequence = 7002:udp
command = knockctl drop %IP%
[long]
sequence = 7003:udp,8000:udp,9000:udp
command = knockctl accept %IP%
`;

/** UDP datagrams to each of these ports in turn, from ever new sources. */
const FLOOD = `
import socket, struct, sys, time
destination, seconds, rate = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
ports = [int(port) for port in sys.argv[4:]]
out = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
target = socket.inet_aton(destination)
begin = time.monotonic(); n = 0
while time.monotonic() - begin < seconds:
    source = struct.pack('!I', (11 << 24) + n)
    head = struct.pack('!BBHHHBBH', 0x45, 0, 29, n & 0xffff, 0, 64, 17, 0) + source + target
    out.sendto(head + struct.pack('!HHHH', 40000, ports[n % len(ports)], 9, 0) + b'x', (destination, 0))
    n += 1
    ahead = n / rate - (time.monotonic() - begin)
    if ahead > 0.002: time.sleep(ahead)
print(n)
`;

/** Bytes that a process has given to files so far (proc_pid_io(5)); pipes and sockets count too. */
function written(pid: number): number {
  return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

function size(folder: string): number {
  const sizes = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const stat = statSync(join(folder, name), { throwIfNoEntry: false });
    return stat?.isFile() === true ? stat.size : 0;
  });
  return sizes.reduce((sum, one) => sum + one, 0);
}

test('a flood of single-step doors, decoys and first knocks writes little, and pushes nothing out of the history', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: DOORS, conf: conf('nft') });
  await product.start();
  await product.must('accept', '192.0.2.1');
  await product.must('drop', '192.0.2.2');
  const before = await product.events();
  const pid = product.identity('supervisor')?.pid ?? 0;
  const bytes = written(pid);
  const beganMs = performance.now();
  const argv = ['/usr/bin/python3', '-c', FLOOD, ADDRESS.server[4], String(SECONDS), String(RATE)];
  const done = await lab.exec('client', [...argv, '7000', '7001', '7002', '7003']);
  assert.equal(done.exitCode, 0, done.stderr);
  await product.waitForState('armed'); // shell lines of strangers keep a busy machine busy
  const rate = (written(pid) - bytes) / SECONDS;
  const after = await product.events();
  await product.stop();
  const log = product.log();
  const figures = `${done.stdout.trim()} datagrams: ${Math.round(rate / 1000)} kB/s, ${log.length} lines, ${after.length} events, ${size(product.paths.state)} bytes`;
  // What goes to ipset and the listener is in it.
  assert.ok(rate < 1_000_000, figures);
  // 2,000 at once, 20 a second, and numbers.
  const seconds = (performance.now() - beganMs) / 1_000;
  assert.ok(log.length < 2_100 + 30 * seconds, `${figures} in ${seconds} s`);
  assert.ok(
    log.some((line) =>
      line.includes('lines about knocks are left out: a scan, or a flood of forged packets'),
    ),
    figures,
  );
  assert.ok(size(product.paths.state) < 8_000_000);
  const others = before.filter(({ kind }) => kind !== 'knock' && kind !== 'command');
  assert.ok(others.some(({ text }) => text.startsWith('192.0.2.1 accepted')));
  for (const events of [after, await product.events()]) {
    const kept = new Set(events.map(({ number }) => number));
    assert.deepEqual(
      others.filter(({ number }) => !kept.has(number)),
      [],
    );
  }
});
