import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';

import { frame } from '../../src/wire/frames.js';
import { FAMILIES } from '../../src/base/address.js';
import { ADDRESS, createLab, PEER } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { inMountNamespace } from '../helpers/node-child.js';
import { Product } from '../helpers/product.js';
import { Control, nowMs } from '../helpers/promise.js';
import { UnknownClient } from '../helpers/unknown-client.js';
import { OPEN, patient } from './setting.js';

/** What a command may take, whatever name servers do. */
const MOST_MS = 3_000;
/** An unknown client tries over each family all the time, so often at least while all commands run, and never pauses for longer. */
const EVERY_MS = 5;
const LEAST_ATTEMPTS = 724;
const MOST_PAUSE_MS = 200;

/** Name servers that say nothing, say something after four seconds, or say what is not so. */
const SERVERS = `import socket, struct, sys, threading
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", 53))
print("listening", flush=True)
addresses = {
    "dead": {}, "slow": {1: socket.inet_aton("192.0.2.77")},
    "lying": {1: socket.inet_aton("127.0.0.1"), 28: socket.inet_pton(socket.AF_INET6, "::ffff:10.77.1.1")},
}[sys.argv[1]]
while True:
    q, a = s.recvfrom(512)
    end = q.index(b"\\0", 12) + 5
    kind = struct.unpack(">H", q[end - 4:end - 2])[0]
    data = addresses.get(kind)
    if sys.argv[1] == "dead": continue
    head = q[:2] + b"\\x81\\x80\\0\\1\\0" + (b"\\1" if data else b"\\0") + b"\\0\\0\\0\\0" + q[12:end]
    record = b"\\xc0\\x0c" + struct.pack(">HHIH", kind, 1, 60, len(data)) + data if data else b""
    threading.Timer(4 if sys.argv[1] == "slow" else 0, s.sendto, (head + record, a)).start()
`;

/** All that can be said to a supervisor that runs; the last one stops it. */
const COMMANDS: readonly (readonly string[])[] = [
  ['restart'],
  ['condrestart'],
  ['restartifdead'],
  ['reload'],
  ['accept', '192.0.2.1'],
  ['drop', '192.0.2.2'],
  ['trust', '192.0.2.3'],
  ['trust', 'other.example.net', 'third.example.net'],
  ['untrust', 'work.example.net', '192.0.2.3'],
  ['flush', '192.0.2.1'],
  ['list'],
  ['events'],
  ['status'],
  ['check'],
  ['doctor'],
];

for (const servers of inTurns([['dead', 'lying'], ['slow']] as const).flat()) {
  test(`beside ${servers} name servers every command ends at once, and an unknown client never gets in`, async (t) => {
    await using lab = await createLab({ backend: 'nft' });
    await using control = await Control.start();
    writeFileSync(join(lab.dir, 'resolv'), 'nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch lan\n');
    writeFileSync(join(lab.dir, 'servers.py'), SERVERS);
    await lab.tcpEcho('server', 22);
    const server = lab.spawn('server', ['/usr/bin/python3', join(lab.dir, 'servers.py'), servers]);
    await server.until('listening');
    const doors = `[open]\nsequence = ${OPEN.join()}\ntcpflags = syn,!ack\ncommand = knockctl accept %IP%\n`;
    const product = new Product(lab, {
      doors,
      conf: patient('nft', { service: 'on_failure = restore' }),
      trusted: 'home.example.net\nwork.example.net\n',
    });
    product.before = inMountNamespace(`mount --bind ${lab.dir}/resolv /etc/resolv.conf`);
    const timed = async (words: readonly string[]): Promise<void> => {
      const beganMs = nowMs();
      const done = await product.ctl(words);
      const tookMs = nowMs() - beganMs;
      t.diagnostic(`${words.join(' ')}: ${tookMs.toFixed(0)} ms, exit ${done.exitCode}`);
      // A name that is not resolved is told; doctor has this and that to say of a namespace.
      const mayFail = ['trust', 'untrust', 'doctor'].includes(words[0] ?? '');
      assert.ok(done.exitCode === 0 || mayFail, `${words.join(' ')}: ${done.stderr}`);
      // Red with getaddrinfo in the process: a restart took 20 s.
      control.keeps(words.join(' '), beganMs, tookMs, MOST_MS, 4); // command, supervisor, listener, look-up
    };
    await timed(['start']);
    const unknown = new UnknownClient(
      FAMILIES.map((family) =>
        lab.spawn('client2', [PEER, 'attempts', ADDRESS.server[family], '22', String(EVERY_MS)]),
      ),
    );
    await unknown.between(0, nowMs()); // it has begun
    const beganMs = nowMs();
    for (const words of COMMANDS) await timed(words);
    const endedMs = nowMs();
    const tried = await unknown.between(beganMs, endedMs);
    const seconds = ((endedMs - beganMs) / 1_000).toFixed(1);
    t.diagnostic(
      `${tried.all} attempts in ${seconds} s, with a pause of at most ${tried.gapMs.toFixed(0)} ms`,
    );
    assert.equal(tried.in, 0); // red where a restart takes the rules out: 597 got in
    assert.ok(tried.all >= LEAST_ATTEMPTS, `only ${tried.all} attempts`);
    assert.ok(
      tried.gapMs <= MOST_PAUSE_MS + control.lostMs(beganMs, endedMs, 0),
      'it did not try all the time',
    );
    // What one that lies says of this host itself, or of nobody, lets nobody in.
    if (servers === 'lying') await product.waitForLog(/home\.example\.net is /);
    if (servers !== 'slow') assert.deepEqual(await product.addresses('trusted'), []);
    await timed(['stop']);
  });
}

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
