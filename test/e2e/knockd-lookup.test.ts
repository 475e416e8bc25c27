import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import {
  bareHost,
  call,
  CLIENT,
  CLIENT6,
  door,
  front,
  gone,
  logged,
  nameServer,
  opens,
  PID_FILE,
  read,
  SERVER,
  SERVER6,
} from './front.js';
import { Control, nowMs } from '../helpers/promise.js';

test('with -l the log has the lines of knockd -l, which runs beside it', async () => {
  await using host = await bareHost();
  const { dir } = host.lab;
  const doors = `[seven]
sequence = 7000,8000,9000
tcpflags = syn
start_command = exit 7
cmd_timeout = 1
stop_command = true
[late]
sequence = 4000,4001
seq_timeout = 1
tcpflags = syn
`;
  host.write('/etc/hosts', `127.0.0.1 localhost\n${CLIENT} client.example.test alias\n`);
  await nameServer(host, ['Six_1', 'example', 'test']);
  for (const name of ['ours', 'theirs']) {
    host.write(
      `${dir}/${name}.conf`,
      `[options]\nlogfile = ${dir}/${name}.log\npidfile = ${dir}/${name}.pid\n${doors}`,
    );
  }
  const theirs = host.spawn(['/usr/sbin/knockd', '-l', '-i', 'eth0', '-c', `${dir}/theirs.conf`]);
  const ours = front(host, '-l', '-v', '-i', 'eth0', '-c', `${dir}/ours.conf`);
  const both = async (line: string): Promise<void> => {
    for (const name of ['ours', 'theirs']) await logged(host, `${dir}/${name}.log`, line);
  };
  await both('starting up, listening on eth0');
  for (const [address, name] of [
    [SERVER, `${CLIENT} (client.example.test)`],
    [SERVER6, `${CLIENT6} (Six_1.example.test)`],
  ] as const) {
    await host.lab.knock('client', address, [7000, 8000, 9000]);
    await both(`${name}: seven: command timeout`);
    await host.lab.knock('client', address, [4000]);
    await logged(host, `${dir}/ours.log`, `${name}: late: sequence timeout (stage 1)`);
    // knockd notices the end at the next packet only.
    await host.lab.waitFor(async () => {
      await host.lab.knock('client', address, [9000]);
      return (read(host, `${dir}/theirs.log`) ?? '').includes(`${name}: late: sequence timeout (stage 1)`);
    }, 'the time-out of knockd');
  }
  await theirs.kill('SIGTERM');
  await ours.kill('SIGTERM');
  const own = await logged(host, `${dir}/ours.log`, 'shutting down');
  assert.deepEqual(own, await logged(host, `${dir}/theirs.log`, 'shutting down'));
  assert.equal(own.filter((line) => line.includes('OPEN SESAME')).length, 2);
  const printed = ours.stdout
    .split('\n')
    .filter((line) => line !== '' && !/^(?:preparing|armed|stopp)/.test(line));
  assert.deepEqual(printed, own, 'and -v prints them without their time');
  assert.equal(ours.stderr, '');
});

test('a door opens while the name server hangs; lines come late, in order, and without what is no name', async () => {
  await using host = await bareHost();
  host.write('/etc/knockd.conf', door(host, 7000, 'cmd_timeout = 1\nstop_command = true\n'));
  const silent = await nameServer(host, undefined);
  const log = '/var/log/k.log';
  assert.equal((await call(host, '-l', '-d', '-g', log)).exitCode, 0);

  // knockd 0.8 opens after 10 s here (measured).
  await opens(host, SERVER, 7000);
  assert.ok(!(read(host, log) ?? '').includes('OPEN SESAME'), 'its line still waits');
  await silent.until('in-addr.arpa\n');
  await opens(host, SERVER, 7000, 'client2');
  await logged(host, log, `${CLIENT}: d7000: command timeout`);
  const second = ADDRESS.client2[4];
  const lines = await logged(host, log, `${second}: d7000: command timeout`);
  for (const address of [CLIENT, second]) {
    assert.deepEqual(
      lines.filter((line) => line.startsWith(address)),
      ['Stage 1', 'Stage 2', 'OPEN SESAME', 'command timeout'].map((text) => `${address}: d7000: ${text}`),
    );
  }
  await silent.kill();

  const hostile = await nameServer(host, ['evil\nname)', 'test']);
  await opens(host, SERVER6, 7000);
  await logged(host, log, `${CLIENT6}: d7000: OPEN SESAME`);
  await hostile.until('ip6.arpa\n');
  assert.ok(!(read(host, log) ?? '').includes('evil'));

  // The end comes in time though a look-up is under way, and what waits for it is written.
  await hostile.kill();
  await nameServer(host, undefined);
  await opens(host, SERVER6, 7000, 'client2');
  await using control = await Control.start();
  const stopping = nowMs();
  await host.exec(['/bin/sh', '-c', `kill $(cat ${PID_FILE})`]);
  await gone(host);
  control.keeps('until it ended', stopping, nowMs() - stopping, 4_000, 2);
  await logged(host, log, `${ADDRESS.client2[6]}: d7000: OPEN SESAME`);
});

/** One first knock from each of 200 addresses, 50 at once: the capture's ring holds some 160 packets. */
const MANY = `
const dgram = require('node:dgram');
for (let host = 10; host < 210; host++) {
  const socket = dgram.createSocket('udp4');
  const send = () => socket.send('x', 7000, process.argv[1], () => socket.close());
  socket.bind(0, '10.77.1.' + host, () => setTimeout(send, 150 * Math.floor(host / 50)));
}`;

test('many sources at once are not as many questions to the name server, and each has its line', async () => {
  await using host = await bareHost();
  const { lab } = host;
  host.write('/etc/knockd.conf', `[many]\nsequence = 7000:udp,7001:udp\n${door(host, 8000)}`);
  const server = await nameServer(host, ['some', 'test']);
  const log = '/var/log/k.log';
  assert.equal((await call(host, '-l', '-d', '-g', log)).exitCode, 0);
  const input = Array.from({ length: 200 }, (_, index) => `addr add 10.77.1.${index + 10}/24 dev eth0\n`);
  await lab.exec('client', ['/usr/sbin/ip', '-batch', '-'], { input: input.join('') });
  // The server's hardware address is known then: else all but the first of so many packets wait for it, or are lost.
  await opens(host, SERVER, 8000);
  const begun = performance.now();
  await lab.exec('client', [process.execPath, '-e', MANY, SERVER]);
  await opens(host, SERVER, 8000);
  const stages = (): string[] => (read(host, log) ?? '').match(/10\.77\.1\.\d+.*: many: Stage 1$/gm) ?? [];
  await lab.waitFor(() => stages().length >= 200, '200 lines');
  const seconds = (performance.now() - begun) / 1000;
  const asked = server.stdout.split('in-addr.arpa').length - 1;
  assert.ok(asked >= 50 && asked <= 100 + 10 * seconds + 1, `${asked} questions in ${seconds} s`);
  const named = stages().filter((line) => line.includes(' (some.test): ')).length;
  assert.ok(named >= 50 && named <= asked, `${named} of ${asked}`);
  assert.equal(stages().length, 200);
  await host.exec(['/bin/sh', '-c', `kill $(cat ${PID_FILE})`]);
  await gone(host);
});
