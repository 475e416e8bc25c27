import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab } from '../helpers/lab.js';
import { Product, QUICK } from '../helpers/product.js';
import { conf, DECOY, DOORS, OPEN } from './setting.js';

const LOGGED_DOORS = `[seven]
sequence = 7000,8000,9000
seq_timeout = 10
tcpflags = syn
start_command = exit 7
[pair]
sequence = 6000,6001
tcpflags = syn
start_command = test %IP% != x
cmd_timeout = 1
stop_command = test %IP% = %IP%
[none]
sequence = 5000:udp
[late]
sequence = 4000,4001
seq_timeout = 1
tcpflags = syn
command = true
`;

/** Lines of ours that knockd has no counterpart of: the states. */
const STATES = /^(?:error: |warn: )?(?:preparing|armed|degraded|tripped|stopping|stopped):/;

test('the log file has the lines of knockd, which runs beside it', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const [ours, theirs] = [`${lab.dir}/ours.log`, `${lab.dir}/theirs.log`];
  const options = (log: string): string => `[options]\nlogfile = ${log}\ninterface = eth0\n`;
  writeFileSync(`${lab.dir}/theirs.conf`, options(theirs) + LOGGED_DOORS);
  const knockd = lab.spawn('server', ['/usr/sbin/knockd', '-c', `${lab.dir}/theirs.conf`]);
  const product = new Product(lab, { doors: options(ours) + LOGGED_DOORS, conf: QUICK });
  await product.start();
  const both = async (line: string, times = 1): Promise<void> => {
    const count = (file: string): number => (readIfExists(file) ?? '').split(` ${line}\n`).length - 1;
    const said = (): boolean => count(ours) >= times && count(theirs) >= times;
    await lab.waitFor(said, `${times} × ${line} in both logs`);
  };
  await both('starting up, listening on eth0');
  const { 4: server, 6: server6 } = ADDRESS.server;
  await lab.knock('client', server, OPEN);
  await both('seven: command returned non-zero status code (7)');
  await lab.knock('client', server6, [6000, 6001]);
  await both(`${ADDRESS.client[6]}: pair: command timeout`);
  await both(`pair: running command: test ${ADDRESS.client[6]} = ${ADDRESS.client[6]}`);
  await lab.knock('client', server, [7000, 8000, 5000, 9000]);
  await both('seven: command returned non-zero status code (7)', 2);
  await lab.knock('client', server, [6000, 6001]);
  await both(`${ADDRESS.client[4]}: pair: command timeout`);
  await lab.knock('client', server, [4000]);
  await lab.waitFor(() => readFileSync(ours, 'utf8').includes('timeout (stage'), 'our time-out');
  // knockd counts whole seconds and notices the end only at the next packet: knock until it does.
  await lab.waitFor(async () => {
    await lab.knock('client', server, [9000]);
    return readFileSync(theirs, 'utf8').includes('timeout (stage');
  }, 'the time-out of knockd');
  await lab.knock('client', server, ['5000:udp']);
  await both(`${ADDRESS.client[4]}: none: OPEN SESAME`);
  await product.stop();
  await knockd.kill('SIGTERM');

  const raw = [ours, theirs].map((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1));
  // knockd ends some of its lines twice.
  for (const line of raw.flat().filter((text) => text !== ''))
    assert.match(line, /^\[\d{4}-\d\d-\d\d \d\d:\d\d\] \S/);
  const own = product.log(ours).filter((line) => !STATES.test(line));
  assert.deepEqual(
    own,
    product.log(theirs).filter((line) => line !== ''),
  );
  assert.equal(own.at(-1), 'shutting down');
  assert.equal(own.filter((line) => line.includes('OPEN SESAME')).length, 5);
});

test('HUP begins the log file anew and reads the configuration again', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const log = `${lab.dir}/knock.log`;
  const doors = (port: number): string => `[options]\nlogfile = ${log}\n[d]\nsequence = ${port}\n`;
  const product = new Product(lab, { doors: doors(7000), conf: QUICK });
  await product.start();
  renameSync(log, `${log}.1`);
  writeFileSync(product.paths.doors, doors(7001));
  product.signal('supervisor', 'SIGHUP');
  await lab.waitFor(() => (readIfExists(log) ?? '').includes('configuration reloaded'), 'the reload');
  // Not always the first: a line that was still on its way when the file was renamed comes before it.
  const reread = product.log(log).filter((line) => /^re-reading config file: .*knockd\.conf$/.test(line));
  assert.equal(reread.length, 1);
  assert.ok(!readFileSync(`${log}.1`, 'utf8').includes('re-reading'));
  await lab.knock('client', ADDRESS.server[4], [7000, 7001]);
  await lab.waitFor(() => product.log(log).some((line) => line.includes('OPEN SESAME')), 'a knock');
  assert.equal(product.log(log).filter((line) => line.includes('OPEN SESAME')).length, 1);
  await product.stop();
});

test('events and list show who did what, as it happens and afterwards', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { conf: conf('nft'), doors: DOORS, trusted: '192.0.2.0/24 # office\n' });
  await product.start();
  const follower = product.spawn(['events', '--follow', '--json']);
  await follower.until('"armed');
  const { 4: client, 6: client6 } = ADDRESS.client;
  await lab.knock('client', ADDRESS.server[4], OPEN);
  await lab.knock('client', ADDRESS.server[6], DECOY);
  await follower.until(`${client6} banned for 3600 s`);
  await product.must('accept', '198.51.100.7', '--timeout', '60');
  await product.must('trust', '198.51.100.8');
  await product.must('flush', client);
  await follower.until(`"flush"`);

  const events = await product.events();
  assert.deepEqual(
    events.filter(({ fields }) => 'by' in fields).map(({ kind, text, fields }) => [kind, text, fields['by']]),
    [
      ['accept', `${client} accepted at ssh for 300 s`, 'door open'],
      ['drop', `${client6} banned for 3600 s`, 'door decoy'],
      ['accept', '198.51.100.7 accepted at ssh for 60 s', 'cli'],
      ['trust', '198.51.100.8 trusted', 'cli'],
      ['flush', events.at(-1)?.text, 'cli'],
    ],
  );
  const followed = follower.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown);
  assert.deepEqual(followed, events, 'the follower has seen the same');
  assert.deepEqual((await product.list()).map(({ list, address, by }) => `${list} ${address} ${by}`).sort(), [
    `banned ${client6} door decoy`,
    'filter 198.51.100.7 cli',
    'trusted 192.0.2.0/24 file',
    'trusted 198.51.100.8 cli',
  ]);
  const table = await product.must('list');
  assert.match(table, new RegExp(`^ssh +banned +${client6} +\\d+ min( \\d+ s)? +decoy decoy$`, 'm'));
  assert.match(table, /^ssh +filter +198\.51\.100\.7 +\d+ s +cli$/m);
  assert.match(await product.must('events'), /^\S+ \S+ +drop +fd77:1::2 banned for 3600 s$/m);
  await product.stop();
  assert.equal(await follower.closed, 0, 'the end of the supervisor ends the stream');
});

test('with json = yes the log has one document a line, with the fields', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { conf: `${conf('nft')}[log]\njson = yes\n`, doors: DOORS });
  await product.start();
  await product.must('drop', '192.0.2.1');
  await product.stop();
  const lines = readFileSync(product.paths.log, 'utf8').trim().split('\n');
  for (const line of lines)
    assert.match(JSON.stringify(JSON.parse(line)), /"level":.*"message":.*"timestamp":/);
  const drop = lines.find((line) => line.includes('192.0.2.1 banned')) ?? '';
  assert.match(drop, /"fields":\{"by":"cli"\}/);
});
