import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ok, refuse } from '../../src/base/result.js';
import type { KnockIo } from '../../src/client/io.js';
import { runWith, systemError } from './run-with.js';

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
    'error: udp 192.0.2.1:2 was not sent: a firewall on this machine forbids it; allow this packet out\n' +
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
  assert.match(lost.err, /^Failed to resolve hostname 'gate' on port ssh\nthere is no such name/);
});

test('a literal of the wrong family does not resolve', async () => {
  const { exitCode, err } = await runWith(['-4', '::1', '7']);
  assert.equal(exitCode, 1);
  assert.equal(
    err,
    "Failed to resolve hostname '::1' on port 7\nit is an IPv6 address, but IPv4 was asked for\n",
  );
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

/** A name with an address of each family. */
const twoAddresses: KnockIo['resolve'] = async (_host, family) =>
  Promise.resolve(family === 4 ? '192.0.2.1' : '2001:db8::1');

/** A name with one address only. */
const fourOnly: KnockIo['resolve'] = async (_host, family) =>
  family === 6 ? Promise.reject(systemError('ENOTFOUND')) : Promise.resolve('192.0.2.1');

/** Refuses to send to IPv6 addresses. */
function sendFourOnly(code: string, sent: string[]): KnockIo['send'] {
  return async ({ address, port }) => {
    if (address.includes(':')) throw systemError(code);
    sent.push(`${address} ${port}`);
    return Promise.resolve();
  };
}

test('--both knocks the whole sequence over IPv4, then over IPv6', async () => {
  const words = ['--both', '-d', '5', 'gate', '1', '2:udp'];
  const { exitCode, err, deeds } = await runWith(words, { resolve: twoAddresses });
  assert.deepEqual([exitCode, err], [0, '']);
  assert.deepEqual(deeds, [
    ...['tcp 192.0.2.1 1', 'sleep 5', 'udp 192.0.2.1 2', 'sleep 5'],
    ...['tcp 2001:db8::1 1', 'sleep 5', 'udp 2001:db8::1 2', 'sleep 5'],
  ]);
});

test('--both with one family: a note, and success', async () => {
  const named = await runWith(['--both', 'gate', '1', '--then', 'ssh'], { resolve: fourOnly });
  assert.deepEqual([named.exitCode, named.deeds], [42, ['tcp 192.0.2.1 1', 'sleep 100', 'run ssh']]);
  assert.equal(
    named.err,
    'note: gate was not knocked over IPv6: there is no such name, or it has no address of this family\n',
  );
  const literal = await runWith(['--both', '2001:db8::1', '1']);
  assert.deepEqual([literal.exitCode, literal.deeds], [0, ['tcp 2001:db8::1 1']]);
  assert.match(literal.err, /^note: 2001:db8::1 was not knocked over IPv4: it is an IPv6 address, but/);
  for (const code of ['ENETUNREACH', 'EHOSTUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT']) {
    const sent: string[] = [];
    const changes = { resolve: twoAddresses, send: sendFourOnly(code, sent) };
    const { exitCode, err } = await runWith(['--both', 'gate', '1', '2'], changes);
    assert.deepEqual([exitCode, sent], [0, ['192.0.2.1 1', '192.0.2.1 2']]);
    assert.match(err, new RegExp(`^note: gate was not knocked over IPv6: [^E]+\n$`));
  }
});

test('--both with no family at all fails', async () => {
  const nowhere = { resolve: () => Promise.reject(systemError('ENOTFOUND')) };
  const unknown = await runWith(['--both', 'gate', '7'], nowhere);
  assert.equal(unknown.exitCode, 1);
  assert.match(unknown.err, /^Failed to resolve hostname 'gate' on port 7\nthere is no such name[^\n]+\n$/);
  const send = (): Promise<void> => Promise.reject(systemError('ENETUNREACH'));
  const offline = await runWith(['--both', 'gate', '7'], { resolve: twoAddresses, send });
  assert.equal(offline.exitCode, 1);
  assert.match(
    offline.err,
    /^(?:error: gate was not knocked over IPv[46]: this machine has no route to it; [^\n]+\n){2}$/,
  );
});

test('--both with a sequence that is sent in part is a failure', async () => {
  const send = async ({
    address,
    port,
  }: {
    readonly address: string;
    readonly port: number;
  }): Promise<void> =>
    address.includes(':') && port === 2 ? Promise.reject(systemError('ENETUNREACH')) : Promise.resolve();
  const { exitCode, err } = await runWith(['--both', 'gate', '1', '2'], { resolve: twoAddresses, send });
  assert.equal(exitCode, 1);
  assert.match(err, /^error: tcp 2001:db8::1:2 was not sent: this machine has no route to it; [^\n]+\n$/);
  const forbidden = { resolve: twoAddresses, send: sendFourOnly('EPERM', []) };
  assert.equal(
    (await runWith(['--both', 'gate', '1'], forbidden)).exitCode,
    1,
    'a firewall can be told to allow it',
  );
});

test('-i sends from the address found, or nothing', async () => {
  const found = await runWith(['-i', 'eth1', '192.0.2.1', '1', '2:udp']);
  assert.deepEqual(found.deeds, ["tcp 192.0.2.1 1 from eth1's", "udp 192.0.2.1 2 from eth1's"]);
  const wayOut: KnockIo['routeThrough'] = async (address) =>
    Promise.resolve(address.includes(':') ? refuse('no way') : ok({ address, source: undefined }));
  const lost = await runWith(['-i', 'eth1', '2001:db8::1', '1'], { routeThrough: wayOut });
  assert.deepEqual([lost.exitCode, lost.deeds], [1, []]);
  assert.equal(lost.err, 'error: 2001:db8::1 was not knocked over IPv6: no way\n');
  const both = await runWith(['--both', '-i', 'eth1', 'gate', '1'], {
    routeThrough: wayOut,
    resolve: twoAddresses,
  });
  assert.deepEqual([both.exitCode, both.deeds], [0, ['tcp 192.0.2.1 1']]);
  assert.equal(both.err, 'note: gate was not knocked over IPv6: no way\n');
});

test('--then runs the command no earlier than 100 ms after the last knock, and gives its exit code', async () => {
  const plain = await runWith(['192.0.2.1', '1', '--then', 'ssh', '-v', '']);
  assert.deepEqual([plain.exitCode, plain.out, plain.err], [42, '', '']);
  assert.deepEqual(plain.deeds, ['tcp 192.0.2.1 1', 'sleep 100', 'run ssh|-v|']);
  const short = await runWith(['-d', '30', '192.0.2.1', '1', '--then', 'ssh']);
  assert.deepEqual(short.deeds, ['tcp 192.0.2.1 1', 'sleep 30', 'sleep 70', 'run ssh']);
  const long = await runWith(['-d', '300', '192.0.2.1', '1', '--then', 'ssh']);
  assert.deepEqual(long.deeds, ['tcp 192.0.2.1 1', 'sleep 300', 'run ssh']);
});

test('--then runs nothing where a knock was not sent', async () => {
  const send = (): Promise<void> => Promise.reject(systemError('EPERM'));
  const words = ['gate', '1', '--then', 'ssh', 'gate'];
  for (const changes of [
    { resolve: twoAddresses, send },
    { resolve: () => Promise.reject(systemError('X')) },
  ]) {
    const { exitCode, err, deeds } = await runWith(words, changes);
    assert.deepEqual([exitCode, deeds], [1, []]);
    assert.match(err, /\nerror: ssh was not run, because the sequence was not sent completely\n$/);
  }
});

test('a command that cannot be started gives what a shell gives', async () => {
  for (const [code, expected] of [
    ['ENOENT', 127],
    ['EACCES', 126],
    ['E2BIG', 126],
  ] as const) {
    const command = (): Promise<number> => Promise.reject(systemError(code));
    const { exitCode, err } = await runWith(['192.0.2.1', '1', '--then', 'ssh', 'h'], { command });
    assert.equal(exitCode, expected);
    assert.match(err, /^error: cannot run ssh: [^\n]+\n$/);
  }
});
