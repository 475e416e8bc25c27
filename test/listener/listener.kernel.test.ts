import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

import { frame, FrameReader } from '../../src/wire/frames.js';
import { readListenerMessage, type ListenerMessage, type ListenOrder } from '../../src/wire/listener.js';
import { KernelSpace } from '../helpers/kernel-space.js';
import { waitFor } from '../helpers/wait.js';
import { door } from '../knock/support.js';

const PROGRAM = fileURLToPath(new URL('../../app/bin/listener.js', import.meta.url));
const ORDER: ListenOrder = {
  type: 'listen',
  interfaces: ['any'],
  families: [4, 6],
  user: 'nobody',
  beatMs: 200,
  onlyTells: false,
  tolerateDuplicates: false,
  doors: [{ ...door('7000:udp,8000:udp'), id: 5 }],
  oneTime: [],
};

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
    stand.tell(ORDER);
    await stand.until('ready');
    const status = readFileSync(`/proc/${stand.child.pid ?? 0}/status`, 'utf8');
    assert.match(status, /^CapEff:\t0+$/m);
    assert.match(status, /^CapPrm:\t0+$/m);
    assert.match(status, /^NoNewPrivs:\t1$/m);
    assert.doesNotMatch(status, /^Uid:.*\b0\b/m);
    assert.doesNotMatch(status, /^Gid:.*\b0\b/m);
    await stand.until('beat');
    for (const port of [7000, 8000]) {
      await stand.space.must(`/bin/bash -c echo>/dev/udp/127.0.0.1/${port}`);
    }
    await stand.until('knock');
    const knock = stand.messages.find((message) => message.type === 'knock');
    assert.deepEqual(knock, { type: 'knock', door: 5, address: '127.0.0.1' });
    stand.channel.end();
    await stand.closed;
    assert.equal(stand.exit, 0);
  });

  const FATAL: readonly (readonly [string, unknown, RegExp])[] = [
    ['an order that is none', { type: 'listen' }, /^the supervisor sent a malformed order$/],
    [
      'a user that does not exist',
      { ...ORDER, user: 'no-such-user' },
      /^\[listener\] user no-such-user does not exist$/,
    ],
    ['root as its user', { ...ORDER, user: 'root' }, /^the listener must not run as root$/],
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
