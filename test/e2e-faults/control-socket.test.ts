import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';

import { REQUEST_LIMIT } from '../../src/wire/control.js';
import { waitFor } from '../helpers/wait.js';
import { kernel, residentKb, stage, type Stage } from './setting.js';

let scene: Stage;
let held: string;
before(async () => {
  scene = await stage('nft');
  await scene.product.start();
  held = await kernel(scene.lab);
});
after(async () => {
  await scene[Symbol.asyncDispose]();
});

function open(): Socket {
  const socket = connect(`${scene.product.paths.run}/control.sock`).setEncoding('utf8');
  return socket.on('error', () => undefined); // the service may close first: `close` follows
}

/** Everything that comes back until the service closes the connection. */
async function answer(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  await closed(socket);
  return text;
}

async function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('drain', resolve));
}

async function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', resolve));
}

async function ask(bytes: string | Buffer): Promise<string> {
  const socket = open();
  socket.write(bytes);
  return answer(socket);
}

async function unharmed(): Promise<void> {
  assert.equal((await scene.product.status()).state, 'armed');
  assert.equal(await kernel(scene.lab), held, 'something was changed');
}

function exitCodeOf(text: string): unknown {
  const reply = /"exitCode":(\d+)/.exec(text)?.[1];
  return reply === undefined ? text : Number(reply);
}

test('malformed requests are refused in clear words', async () => {
  const malformed = [
    'hello\n',
    '\n',
    '{}\n',
    'null\n',
    '[]\n',
    '{"verb":"explode"}\n',
    '{"verb":"__proto__"}\n',
    '{"verb":"accept"}\n',
    '{"verb":"accept","targets":[]}\n',
    '{"verb":"accept","targets":"1.1.1.1"}\n',
    '{"verb":"accept","targets":[1]}\n',
    '{"verb":"accept","targets":["1.1.1.1"],"timeoutS":-1}\n',
    '{"verb":"accept","targets":["1.1.1.1"],"timeoutS":1e99}\n',
    '{"verb":"accept","targets":["1.1.1.1"],"timeoutS":"5"}\n',
    '{"verb":"accept","targets":["1.1.1.1"],"origin":"door"}\n',
    '{"verb":"status","targets":["1.1.1.1"]}\n',
    '{"verb":"stop","keep":"yes"}\n',
    `{"verb":"accept","targets":["${'1'.repeat(300)}"]}\n`,
    `${'['.repeat(100_000)}\n`,
  ];
  for (const request of malformed) {
    const text = await ask(request);
    assert.equal(exitCodeOf(text), 64, `${request.slice(0, 80)}: ${text}`);
    assert.match(text, /malformed request|not JSON/);
  }
  const noise = Buffer.from(Array.from({ length: 4_096 }, (_, index) => (index * 197 + 13) % 256));
  assert.equal(exitCodeOf(await ask(Buffer.concat([noise, Buffer.from('\n')]))), 64);
  await unharmed();
});

test('addresses that are none are refused by the service itself, not only by the command', async () => {
  for (const target of ['1.1.1.1\nflush ssh_filter4', '-exist', '', '1.1.1.1 timeout 0', 'localhost']) {
    for (const verb of ['accept', 'drop', 'flush']) {
      const text = await ask(`${JSON.stringify({ verb, targets: [target] })}\n`);
      assert.equal(exitCodeOf(text), 1, text);
    }
  }
  await unharmed();
});

test('two requests in one connection: the second is refused', async () => {
  const text = await ask('{"verb":"status"}\n{"verb":"stop"}\n');
  assert.match(text, /one request a connection/);
  await unharmed();
});

test('a request without an end, longer than any may be', async () => {
  const supervisor = scene.product.identity('supervisor')?.pid ?? 0;
  await ask('{"verb":"status"}\n');
  const beforeKb = residentKb(supervisor);
  const block = Buffer.alloc(1024 * 1024, 0x61);
  for (let round = 0; round < 5; round += 1) {
    const socket = open();
    const text = answer(socket);
    for (let sent = 0; sent <= REQUEST_LIMIT && !socket.destroyed; sent += block.length) {
      if (!socket.write(block)) await Promise.race([drained(socket), closed(socket)]);
    }
    socket.end();
    assert.match(await text, /longer than/);
  }
  const grownKb = residentKb(supervisor) - beforeKb;
  assert.ok(grownKb < 64 * 1024, `the supervisor grew by ${grownKb} kB`);
  await unharmed();
});

test('200 connections at once: answered or told to try again; with half of a request they are cut off', async () => {
  const supervisor = scene.product.identity('supervisor')?.pid ?? 0;
  const beforeKb = residentKb(supervisor);
  const answers = await Promise.all(Array.from({ length: 200 }, async () => ask('{"verb":"status"}\n')));
  const codes = answers.map(exitCodeOf);
  assert.deepEqual(
    [...new Set(codes)].filter((code) => code !== 0 && code !== 75),
    [],
  );
  assert.ok(codes.filter((code) => code === 0).length >= 32, 'hardly any was answered');

  const silent = Array.from({ length: 200 }, () => open());
  const ends = silent.map(async (socket) => answer(socket));
  for (const socket of silent) socket.write('{"verb":"sta');
  const refusal = async (): Promise<boolean> => {
    const done = await scene.product.ctl(['status']);
    return done.exitCode === 75 && done.stderr.includes('too many commands at once');
  };
  await waitFor(refusal, 'the command to be told that there are too many');
  await Promise.all(ends); // the service ends each of them, after 10 s at the latest
  const grownKb = residentKb(supervisor) - beforeKb;
  assert.ok(grownKb < 64 * 1024, `the supervisor grew by ${grownKb} kB`);
  await unharmed();
});

test('a caller that goes away before its answer', async () => {
  for (let round = 0; round < 50; round += 1) {
    const socket = open();
    await once(socket, 'connect');
    socket.write('{"verb":"status"}\n');
    socket.destroy();
  }
  await unharmed();
});

test('followers of events that never read are cut off, and nothing else is', async () => {
  const follower = open();
  follower.write('{"verb":"events","follow":true}\n');
  await once(follower, 'data');
  follower.pause();
  await scene.product.must('accept', '192.0.2.50', '--timeout', '1');
  await scene.product.must('flush', 'filter');
  await unharmed();
  follower.destroy();
});
