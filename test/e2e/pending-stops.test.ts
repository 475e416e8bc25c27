import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { KNOCKCTL, Product, QUICK } from '../helpers/product.js';
import { conf } from './setting.js';

/** Lines that door commands have written, each `start` or `stop`, address, and seconds since boot. */
function written(lab: Lab): string[][] {
  return (readIfExists(`${lab.dir}/out`) ?? '')
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split(' '));
}

async function until(lab: Lab, count: number): Promise<string[][]> {
  await lab.waitFor(() => written(lab).length >= count, `${count} lines of commands`);
  return written(lab);
}

function door(lab: Lab, cmdTimeoutS: number): string {
  const write = (word: string): string => `echo ${word} %IP% $(cut -d' ' -f1 /proc/uptime) >> ${lab.dir}/out`;
  return `[pair]
sequence = 7000
start_command = ${write('start')}
cmd_timeout = ${cmdTimeoutS}
stop_command = ${write('stop')}
`;
}

test('a stop command that waits outlives a killed supervisor, and runs at its time', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: door(lab, 10), conf: QUICK });
  await product.start();
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await until(lab, 1);
  await product.kill('supervisor');
  const stored = readIfExists(`${product.paths.state}/stops.json`) ?? '';
  assert.match(stored, /"door":"pair","address":"10\.77\.1\.2","command":"echo stop %IP%/);
  await product.start();
  assert.equal((await product.status()).pendingStops, 1);
  const [start, stop] = await until(lab, 2);
  assert.deepEqual(stop?.slice(0, 2), ['stop', ADDRESS.client[4]]);
  const openFor = Number(stop[2]) - Number(start?.[2]);
  assert.ok(openFor > 9.5 && openFor < 13, `${openFor} s`);
  await lab.waitFor(async () => (await product.status()).pendingStops === 0, 'nothing pending');
  assert.equal(readIfExists(`${product.paths.state}/stops.json`), undefined);
  await product.stop();
  assert.equal(written(lab).length, 2);
});

test('one whose time passed meanwhile runs at the start, and one of a dead supervisor at knockctl stop', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: door(lab, 1), conf: QUICK });
  await product.start();
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await until(lab, 1);
  await product.kill('supervisor');
  const diedAt = performance.now();
  await lab.waitFor(() => performance.now() - diedAt > 1_200, 'its time to pass');
  assert.equal(written(lab).length, 1);
  await product.start();
  assert.equal((await until(lab, 2)).length, 2);

  writeFileSync(product.paths.doors, door(lab, 1_000));
  await product.must('reload');
  await lab.knock('client', ADDRESS.server[6], [7000]);
  await until(lab, 3);
  await product.kill('supervisor');
  await product.stop();
  assert.deepEqual(written(lab).at(-1)?.slice(0, 2), ['stop', ADDRESS.client[6]]);
  assert.equal(readIfExists(`${product.paths.state}/stops.json`), undefined);
});

// knockd 0.8: under systemd neither: its children are killed with it (test/better/life.test.ts), seen 2026-11-21.
test('a restart keeps them waiting, a stop runs them at once', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: door(lab, 1_000), conf: QUICK });
  await product.start();
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await lab.knock('client2', ADDRESS.server[6], [7000]);
  await until(lab, 2);
  await product.must('restart');
  assert.equal((await product.status()).pendingStops, 2);
  assert.equal(written(lab).length, 2, 'none has run');
  await product.stop();
  assert.deepEqual(
    written(lab)
      .slice(2)
      .map(([word, address]) => `${word} ${address}`)
      .sort(),
    [`stop ${ADDRESS.client[4]}`, `stop ${ADDRESS.client2[6]}`],
  );
  assert.equal(readIfExists(`${product.paths.state}/stops.json`), undefined);
});

test('after a reload they are carried out in the configuration that is then in force', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const verbs = `[let]
sequence = 7000
start_command = knockctl accept %IP% --timeout 600
cmd_timeout = 10
stop_command = knockctl flush %IP%
`;
  const product = new Product(lab, { doors: verbs, conf: conf('nft') });
  await product.start();
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await lab.waitFor(async () => (await product.addresses('filter')).length === 1, 'the accept');
  writeFileSync(product.paths.doors, '[other]\nsequence = 6000\n');
  await product.must('reload');
  assert.equal((await product.status()).pendingStops, 1);
  await lab.waitFor(async () => (await product.addresses('filter')).length === 0, 'the flush');
  await product.waitForLog(/^let: running command: knockctl flush/);
  assert.deepEqual(
    product.log().filter((line) => line.startsWith('error')),
    [],
  );
  await product.stop();
});

// knockd 0.8: its addresses come from packets alone; none that was no literal has been seen to reach a shell.
test('a damaged file is set aside, and a full disk stops no door', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = new Product(lab, { doors: door(lab, 1), conf: QUICK });
  await product.start();
  await product.stop();
  const file = `${product.paths.state}/stops.json`;
  const hostile = {
    door: 'x',
    address: '$(id)',
    command: `touch ${lab.dir}/hacked`,
    timeout: 0,
    due: '2000-01-01',
  };
  writeFileSync(file, JSON.stringify([hostile]), { mode: 0o600 });
  await product.start();
  await product.waitForLog(
    /^error: .*stops\.json is damaged: entry 1: "\$\(id\)" is not an IPv4 .*\.damaged$/,
  );
  assert.equal(readIfExists(`${lab.dir}/hacked`), undefined);
  assert.match(readIfExists(`${file}.damaged`) ?? '', /hacked/);
  // A file system without room: what is written there fails with ENOSPC.
  await product.stop();
  const full =
    'mount -t tmpfs -o size=16k,mode=700 none "$1" && head -c 16384 /dev/zero > "$1/filler"; shift; exec "$@"';
  const log = `${lab.dir}/log`;
  product.configure(`${QUICK}[log]\nfile = ${log}\n`);
  const run = ['/usr/bin/unshare', '-m', '/bin/sh', '-c', full, 'sh', product.paths.state];
  const supervisor = lab.spawn('server', [
    ...run,
    process.execPath,
    KNOCKCTL,
    '-c',
    product.paths.conf,
    'run',
  ]);
  await supervisor.until('armed');
  await lab.knock('client', ADDRESS.server[4], [7000]);
  const [start, stop] = await until(lab, 2);
  assert.deepEqual([start?.[0], stop?.[0]], ['start', 'stop']);
  assert.match(supervisor.stderr, /error: cannot keep the stop commands that wait in .*no space/);
  await product.stop();
  await supervisor.closed;
});
