import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { frame, FrameReader } from '../../src/wire/frames.js';
import { readListenerMessage, type ListenerMessage, type ListenerConfig } from '../../src/wire/listener.js';
import { KernelSpace } from '../helpers/kernel-space.js';
import { buildPacket } from '../helpers/packets.js';
import { waitFor } from '../helpers/wait.js';
import { door } from '../knock/support.js';

const PROGRAM = fileURLToPath(new URL('../../app/bin/listener.js', import.meta.url));
const ORDER: ListenerConfig = {
  type: 'listen',
  interfaces: ['any'],
  families: [4, 6],
  user: 'nobody',
  beatMs: 200,
  reportOnly: false,
  tolerateDuplicates: false,
  doors: [{ ...door('7000:udp,8000:udp'), id: 5 }],
  oneTime: [],
};

const SENDER = `
import socket, sys
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('out', 0))
mac = bytes.fromhex(open('/sys/class/net/eth0/address').read().strip().replace(':', ''))
for line in sys.stdin:
    out.send(mac + bytes.fromhex(line.strip())[6:])
`;

/** The listener's own program in a namespace, with the supervisor's end of its channel. */
class Stand implements AsyncDisposable {
  readonly space = new KernelSpace();
  readonly child: ChildProcess;
  readonly messages: ListenerMessage[] = [];
  readonly channel: Socket;
  exit: number | undefined;
  readonly closed: Promise<void>;

  constructor() {
    const [program = '', ...words] = this.space.inside;
    const argv = [
      ...words,
      '/usr/bin/setpriv',
      '--no-new-privs',
      '--inh-caps=-all',
      '--',
      process.execPath,
      PROGRAM,
    ];
    this.child = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
    const channel = this.child.stdio[3];
    assert.ok(channel instanceof Socket);
    this.channel = channel;
    const reader = new FrameReader(2048, (message) => this.messages.push(readListenerMessage(message)));
    channel.on('data', (chunk: Buffer) => {
      reader.push(chunk);
    });
    channel.on('error', () => channel.destroy());
    this.closed = new Promise((resolve) => {
      this.child.on('close', (code) => {
        this.exit = code ?? -1;
        resolve();
      });
    });
  }

  tell(message: unknown): void {
    this.channel.write(frame(message));
  }

  /** A link into the namespace, both ends of which are in it. */
  async link(): Promise<void> {
    await this.space.must('ip link add out type veth peer name eth0');
    await this.space.must('ip addr add 198.51.100.1/24 dev eth0');
    for (const name of ['out', 'eth0']) await this.space.must(`ip link set ${name} up`);
  }

  /** The knock of the order's door, in frames that come in by the link. */
  async knock(source: string): Promise<void> {
    const frames = [7000, 8000].map((destinationPort) =>
      buildPacket({ source, destination: '198.51.100.1', protocol: 'udp', destinationPort }).toString('hex'),
    );
    await this.space.must(`/usr/bin/python3 ${this.#sender()}`, `${frames.join('\n')}\n`);
  }

  #sender(): string {
    const path = `${this.space.dir}/send.py`;
    writeFileSync(path, SENDER);
    return path;
  }

  async until(type: ListenerMessage['type']): Promise<void> {
    await waitFor(() => this.messages.some((message) => message.type === type), type);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.closed;
    await this.space[Symbol.asyncDispose]();
  }
}

describe('the listener', () => {
  it('is ready once it hears and has no privilege left; it beats, recognises, and ends with its channel', async () => {
    await using stand = new Stand();
    await stand.space.must('ip link set lo up');
    await stand.link();
    stand.tell(ORDER);
    await stand.until('ready');
    const status = readFileSync(`/proc/${stand.child.pid ?? 0}/status`, 'utf8');
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapPrm:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.doesNotMatch(status, /^Uid:.*\b0\b/m);
    assert.doesNotMatch(status, /^Gid:.*\b0\b/m);
    await stand.until('beat');
    // Frames from outside with a source that nobody there has: they do not knock (Sniffer.#isForged alone: sniffer.test.ts).
    await stand.knock('127.0.0.1');
    await stand.knock('198.51.100.1');
    await stand.knock('198.51.100.255');
    await stand.knock('192.0.2.7');
    await stand.until('knock');
    const knocks = stand.messages.filter((message) => message.type === 'knock');
    assert.deepEqual(knocks, [{ type: 'knock', door: 5, address: '192.0.2.7' }]);
    stand.channel.end();
    await stand.closed;
    assert.equal(stand.exit, 0);
  });

  // Red without NOT_LOOPBACK in the filter.
  it('hears nothing of what this host sends to itself, or to others', async () => {
    await using stand = new Stand();
    await stand.space.must('ip link set lo up');
    await stand.link();
    stand.tell(ORDER);
    await stand.until('ready');
    const send =
      "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); [s.sendto(b'', (to, port)) for to in ('127.0.0.1', '198.51.100.1', '198.51.100.77') for port in (7000, 8000) for _ in range(50)]";
    writeFileSync(`${stand.space.dir}/self.py`, send);
    await stand.space.must(`/usr/bin/python3 ${stand.space.dir}/self.py`);
    await stand.knock('192.0.2.7');
    await stand.until('knock');
    const beats = stand.messages.length;
    await waitFor(() => stand.messages.slice(beats).some(({ type }) => type === 'beat'), 'a beat');
    const last = stand.messages.filter((message) => message.type === 'beat').at(-1);
    // The knock, and what IPv6 itself sends behind extension headers when a link comes up; all of it would be 202.
    assert.ok((last?.packets ?? 99) < 20, `${last?.packets ?? 0} packets`);
  });

  const FATAL: readonly (readonly [string, unknown, RegExp])[] = [
    ['an order that is none', { type: 'listen' }, /^the supervisor sent a malformed order$/],
    [
      'a user that does not exist',
      { ...ORDER, user: 'no-such-user' },
      /^\[listener\] user no-such-user does not exist$/,
    ],
    [
      'root as its user',
      { ...ORDER, user: 'root' },
      /^the listener must not run as root; set user in \[listener\]/,
    ],
    [
      'an interface that does not exist',
      { ...ORDER, interfaces: ['kc-absent0'] },
      /kc-absent0|No such device/,
    ],
  ];
  for (const [what, order, reason] of FATAL) {
    it(`says why it cannot go on with ${what}, and ends`, async () => {
      await using stand = new Stand();
      stand.tell(order);
      await stand.closed;
      assert.equal(stand.exit, 1);
      const [message, ...more] = stand.messages;
      assert.deepEqual(more, []);
      assert.ok(message?.type === 'fatal');
      assert.match(message.reason, reason);
    });
  }

  it('takes one order, and no second', async () => {
    await using stand = new Stand();
    stand.tell(ORDER);
    await stand.until('ready');
    stand.tell(ORDER);
    await stand.closed;
    assert.equal(stand.exit, 1);
    assert.deepEqual(stand.messages.at(-1), { type: 'fatal', reason: 'a second order came' });
  });

  it('ends where its channel closes before an order came', async () => {
    await using stand = new Stand();
    stand.channel.end();
    await stand.closed;
    assert.equal(stand.exit, 0);
  });
});
