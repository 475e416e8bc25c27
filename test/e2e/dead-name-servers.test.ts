import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { frame } from '../../src/wire/frames.js';
import { createLab } from '../helpers/lab.js';
import { inMountNamespace } from '../helpers/node-child.js';
import { Product } from '../helpers/product.js';
import { Control, nowMs } from '../helpers/promise.js';
import { conf, look, OPEN } from './setting.js';

/** What an end, a restart or a verb may take beside name servers that say nothing. */
const MOST_MS = 3_000;

/** Name servers that take questions and say nothing, or say what is not so. */
const SERVERS = `import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print("listening", flush=True)
while True:
    q, a = s.recvfrom(512)
    if sys.argv[1] == "lying":
        end = q.index(b"\\0", 12) + 5
        kind = struct.unpack(">H", q[end - 4:end - 2])[0]
        data = {1: socket.inet_aton("127.0.0.1"), 28: socket.inet_pton(socket.AF_INET6, "::ffff:10.77.1.1")}.get(kind)
        if data:
            s.sendto(q[:2] + b"\\x81\\x80\\0\\1\\0\\1\\0\\0\\0\\0" + q[12:end] + b"\\xc0\\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data, a)
`;

test('beside dead name servers every command ends at once, and a restart lets nobody in', async () => {
  await using lab = await createLab({ backend: 'nft' });
  await using control = await Control.start();
  writeFileSync(join(lab.dir, 'resolv'), 'nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch lan\n');
  writeFileSync(join(lab.dir, 'servers.py'), SERVERS);
  await lab.tcpEcho('server', 22);
  const dead = lab.spawn('server', ['/usr/bin/python3', join(lab.dir, 'servers.py'), 'dead']);
  await dead.until('listening');
  const doors = `[open]\nsequence = ${OPEN.join()}\ntcpflags = syn\ncommand = knockctl accept %IP%\n`;
  const product = new Product(lab, {
    doors,
    conf: conf('nft', { service: 'on_failure = restore' }),
    trusted: 'home.example.net\nwork.example.net\n',
  });
  product.before = inMountNamespace(`mount --bind ${lab.dir}/resolv /etc/resolv.conf`);
  const setting = look(lab, product, 4);
  const timed = async (...words: string[]): Promise<void> => {
    const beganMs = nowMs();
    const done = await product.ctl(words);
    const tookMs = nowMs() - beganMs;
    assert.ok(done.exitCode === 0 || words[0] === 'trust', `${words.join(' ')}: ${done.stderr}`);
    // Red with getaddrinfo in the process: a restart took 20 s.
    control.keeps(words.join(' '), beganMs, tookMs, MOST_MS, 4); // command, supervisor, listener, look-up
  };
  await timed('start');
  let tries = 0;
  let through = 0;
  const over = new AbortController();
  const knocking = (async () => {
    while (!over.signal.aborted) {
      tries += 1;
      if (await setting.gets('client2')) through += 1;
    }
  })();
  knocking.catch(() => undefined); // where something else fails, that is to be told
  await timed('restart');
  await timed('drop', '192.0.2.2');
  await timed('trust', 'other.example.net', 'third.example.net');
  await timed('status');
  over.abort();
  await knocking;
  assert.deepEqual([tries > 3, through], [true, 0], `${through} of ${tries}`);
  await timed('stop');
  await dead.kill();

  // One that lies: what it says of this host itself, or of nobody, lets nobody in.
  const lying = lab.spawn('server', ['/usr/bin/python3', join(lab.dir, 'servers.py'), 'lying']);
  await lying.until('listening');
  await timed('start');
  await product.waitForLog(/home\.example\.net is /);
  assert.deepEqual(await product.addresses('trusted'), []);
  await timed('stop');
});

test('a stop does not wait for stop commands, and cuts none off', async () => {
  await using lab = await createLab({ backend: 'nft' });
  await using control = await Control.start();
  const out = join(lab.dir, 'out');
  const doors = `[pair]
sequence = 7000
start_command = echo start >> ${out}
cmd_timeout = 1000
stop_command = sleep 4; echo stop %IP% >> ${out}
`;
  const product = new Product(lab, { doors });
  await product.start();
  await lab.knock('client', '10.77.1.1', [7000]);
  await lab.knock('client2', '10.77.1.1', [7000]);
  await lab.waitFor(async () => (await product.status()).pendingStops === 2, 'two doors open');
  const said = async (): Promise<string> => (await lab.exec('server', ['/bin/cat', out])).stdout;
  await lab.waitFor(async () => (await said()).split('start').length === 3, 'both start commands');
  const beganMs = nowMs();
  await product.must('stop');
  control.keeps('stop', beganMs, nowMs() - beganMs, MOST_MS);
  assert.doesNotMatch(await said(), /stop/);
  await lab.waitFor(async () => (await said()).split('stop').length === 3, 'both stop commands');
  assert.match(await said(), /stop 10\.77\.1\.2\n/);
});

test('a caller that does not hang up keeps no supervisor alive that has ended', async () => {
  await using lab = await createLab({ backend: 'nft' });
  await using control = await Control.start();
  const product = new Product(lab, { doors: '[d]\nsequence = 7000\n' });
  const running = product.spawn(['run']);
  await lab.waitFor(() => running.stderr.includes('armed'), 'armed');
  // Half open: it goes on holding its end when the supervisor has closed the other one.
  const caller = connect({ path: join(product.paths.run, 'control.sock'), allowHalfOpen: true });
  caller.on('error', () => undefined);
  caller.write(frame({ verb: 'events', follow: true }));
  await new Promise((resolve) => caller.once('data', resolve));
  const beganMs = nowMs();
  await product.must('stop');
  // Red where `run` ends with its event loop: "the supervisor does not end", after a minute.
  control.keeps('stop', beganMs, nowMs() - beganMs, MOST_MS);
  caller.destroy();
});
