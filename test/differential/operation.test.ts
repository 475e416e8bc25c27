/** Rows of knockd-compat.md about one-time sequences, HUP, and the doors that Debian's package brings. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { readSeed } from '../config/seeds.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { DAEMONS, KNOCKD, Pair, type Daemon } from './pair.js';
import { packets, SOURCES } from './words.js';

test('one-time sequences: # at byte 0 of the one that was used, and the next is current', async () => {
  await using pair = await Pair.open();
  const file = (daemon: Daemon, name: string): string => `${pair.outFile(daemon, 1)}.${name}`;
  const text = '# spent\n\n7000,7001\n7002:udp,7003\n7004,7005\n7006\n';
  for (const daemon of DAEMONS) {
    for (const name of ['once', 'unused']) writeFileSync(file(daemon, name), text);
  }
  await pair.load(
    `[once]\none_time_sequences = OUT.once\ntcpflags = syn\ncommand = echo once %IP% >> OUT\n` +
      `[wins]\none_time_sequences = OUT.unused\nsequence = 6000,6001\ncommand = echo wins %IP% >> OUT\n`,
  );
  // knockd's capture filter holds the ports of the current sequence only: each step waits until it is changed.
  await pair.run(packets('7002:udp 7003 7000 7001'));
  await pair.run(packets('7000 7001 b.7002:udp b.7003'));
  await pair.run(packets('b.7000 b.7001 b.7002:udp b.7003 6000 6001'));
  const seen = await pair.run(packets('7004 7005'));
  assert.deepEqual(seen.ours, seen.knockd);
  assert.deepEqual(
    [seen.ours.sources[SOURCES.a]?.opened, seen.ours.sources[SOURCES.b]?.opened],
    [['once', 'wins', 'once'], ['once']],
  );
  for (const daemon of DAEMONS) {
    const used = '# spent\n\n#000,7001\n#002:udp,7003\n#004,7005\n7006\n';
    assert.equal(readFileSync(file(daemon, 'once'), 'utf8'), used, daemon);
    assert.equal(readFileSync(file(daemon, 'unused'), 'utf8'), text, daemon);
  }
});

test('HUP: the new doors are in force, and the log file is opened anew', async () => {
  await using pair = await Pair.open();
  const doors = (port: number): string =>
    `[d]\nsequence = ${port},8000\ncommand = echo ${port} %IP% >> OUT\n`;
  await pair.load(doors(7000));
  const before = await pair.run(packets('7000 8000 7001 8000'));
  await pair.hangUp(doors(7001));
  const after = await pair.run(packets('7000 8000 7001 8000'));
  for (const [seen, ran] of [
    [before, [`7000 ${SOURCES.a}`]],
    [after, [`7000 ${SOURCES.a}`, `7001 ${SOURCES.a}`]],
  ] as const) {
    assert.deepEqual(seen.ours, seen.knockd);
    assert.deepEqual(seen.ours.ran, ran);
  }
});

/** Opens twice and shuts once with Debian's own client; gives the rules after each. */
async function openOpenShut(lab: Lab): Promise<string[][]> {
  const save = async (): Promise<string[]> => {
    // The doors name /sbin/iptables, whichever that is: so does this.
    const { stdout } = await lab.exec('server', ['/sbin/iptables', '-S', 'INPUT']);
    return stdout.split('\n').filter((line) => line.startsWith('-A'));
  };
  const after: string[][] = [];
  for (const [ports, rules] of [
    [[7000, 8000, 9000], 1],
    [[7000, 8000, 9000], 2],
    [[9000, 8000, 7000], 1],
  ] as const) {
    await lab.knock('client', ADDRESS.server[4], ports, { client: 'debian' });
    await lab.waitFor(async () => (await save()).length === rules, `${rules} rules`);
    after.push(await save());
  }
  await lab.exec('server', ['/sbin/iptables', '-F', 'INPUT']);
  return after;
}

test('the doors of Debian’s package: two knocks, two rules; the closing door leaves one', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const doors = `${readSeed('debian-default.knockd.conf')}[options]\nlogfile = ${lab.dir}/log\n`;
  const product = new Product(lab, { doors });
  const knockd = lab.spawn('server', [KNOCKD, '-c', product.paths.doors]);
  const started = (): boolean => readIfExists(`${lab.dir}/log`)?.includes('starting up') === true;
  await lab.waitFor(started, 'knockd');
  const theirs = await openOpenShut(lab);
  await knockd.kill();
  await product.start();
  const ours = await openOpenShut(lab);
  await product.stop();
  assert.deepEqual(ours, theirs);
  assert.deepEqual(ours.at(-1), [`-A INPUT -s ${ADDRESS.client[4]}/32 -p tcp -m tcp --dport 22 -j ACCEPT`]);
});
