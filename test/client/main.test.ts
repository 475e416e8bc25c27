import assert from 'node:assert/strict';
import { test } from 'node:test';

import { run, type KnockIo } from '../../src/client/main.js';
import { resolveHost } from '../../src/client/send.js';

interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
  /** What was sent and slept, in order. */
  readonly deeds: readonly string[];
}

function systemError(code: string): Error {
  return Object.assign(new Error(`send ${code}`), { code });
}

async function runWith(argv: readonly string[], changes: Partial<KnockIo> = {}): Promise<Outcome> {
  let out = '';
  let err = '';
  const deeds: string[] = [];
  const exitCode = await run(argv, {
    out: (text) => (out += text),
    err: (text) => (err += text),
    version: () => '1.2.3',
    services: () => 'ssh 22/tcp\n',
    resolve: resolveHost,
    send: async ({ protocol, address, port }) => {
      deeds.push(`${protocol} ${address} ${port}`);
      return Promise.resolve();
    },
    sleep: async (ms) => {
      deeds.push(`sleep ${ms}`);
      return Promise.resolve();
    },
    ...changes,
  });
  return { exitCode, out, err, deeds };
}

test('the delay follows each knock, the last included', async () => {
  const { deeds, out } = await runWith(['-d', '300', '192.0.2.1', '7000', '8000:udp']);
  assert.deepEqual(deeds, ['tcp 192.0.2.1 7000', 'sleep 300', 'udp 192.0.2.1 8000', 'sleep 300']);
  assert.equal(out, '');
});

test('-v says what is sent, as it was written', async () => {
  const { deeds, out } = await runWith(['-v', '2001:db8:0::1', 'ssh', '8:udp']);
  assert.equal(out, 'hitting tcp 2001:db8::1:ssh\nhitting udp 2001:db8::1:8\n');
  assert.deepEqual(deeds, ['tcp 2001:db8::1 22', 'udp 2001:db8::1 8']);
});

test('a knock that cannot be sent is reported with what to do, and the others still go out', async () => {
  const sent: number[] = [];
  const send = async ({ port }: { readonly port: number }): Promise<void> => {
    sent.push(port);
    if (port === 2) throw systemError('EPERM');
    if (port === 3) throw systemError('EWHATEVER');
    return Promise.resolve();
  };
  const { exitCode, err } = await runWith(['192.0.2.1', '1', '2:udp', '3', '4'], { send });
  assert.equal(exitCode, 1);
  assert.deepEqual(sent, [1, 2, 3, 4]);
  assert.equal(
    err,
    'error: udp 192.0.2.1:2 was not sent: EPERM: a firewall on this machine forbids it; allow this packet out\n' +
      'error: tcp 192.0.2.1:3 was not sent: send EWHATEVER\n',
  );
});

test('the host is looked up once, and nothing is sent where it has no address', async () => {
  const asked: string[] = [];
  const found = await runWith(['-6', 'gate', '1', '2'], {
    resolve: async (host, family) => {
      asked.push(`${host} ${family ?? 'any'}`);
      return Promise.resolve('2001:db8::9');
    },
  });
  assert.deepEqual(asked, ['gate 6']);
  assert.deepEqual(found.deeds, ['tcp 2001:db8::9 1', 'tcp 2001:db8::9 2']);
  const lost = await runWith(['gate', 'ssh', '2'], {
    resolve: () => Promise.reject(systemError('ENOTFOUND')),
  });
  assert.equal(lost.exitCode, 1);
  assert.deepEqual(lost.deeds, []);
  assert.match(lost.err, /^Failed to resolve hostname 'gate' on port ssh\nENOTFOUND: there is no such name/);
});

test('a literal of the wrong family does not resolve', async () => {
  const { exitCode, err } = await runWith(['-4', '::1', '7']);
  assert.equal(exitCode, 1);
  assert.equal(err, "Failed to resolve hostname '::1' on port 7\nit is an IPv6 address, but -4 was given\n");
});

test('one port that is wrong, and none is sent', async () => {
  const { exitCode, err, deeds } = await runWith(['192.0.2.1', '1', '70000']);
  assert.deepEqual([exitCode, err, deeds], [1, 'error: port 70000 is not from 1 to 65535\n', []]);
});

test('usage goes to standard output, its cause to standard error', async () => {
  const help = await runWith(['-h']);
  assert.deepEqual([help.exitCode, help.err], [1, '']);
  assert.match(help.out, /^usage: knock \[options\] HOST PORT\[:PROTO\]/);
  const wrong = await runWith(['--bogus']);
  assert.deepEqual([wrong.exitCode, wrong.err, wrong.out], [1, 'error: unknown option --bogus\n', help.out]);
});

test('-V prints the version', async () => {
  const { exitCode, out } = await runWith(['-V']);
  assert.deepEqual([exitCode, out], [0, 'knock 1.2.3 (knockctl)\n']);
});
