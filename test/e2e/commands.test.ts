import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FAMILIES } from '../../src/base/address.js';
import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, type Lab, type Place } from '../helpers/lab.js';
import { KNOCKCTL, Product, QUICK } from '../helpers/product.js';

/** Lines that the commands of doors have written. */
function written(lab: Lab): string[] {
  return (readIfExists(`${lab.dir}/written`) ?? '').split('\n').slice(0, -1);
}

async function waitForWritten(lab: Lab, count: number): Promise<string[]> {
  await lab.waitFor(() => written(lab).length >= count, `${count} lines written by commands`);
  return written(lab);
}

/** A product that protects nothing: a plain, supervised knockd. `OUT` becomes the file of written(). */
async function startPlain(lab: Lab, doors: string): Promise<Product> {
  const product = new Product(lab, {
    doors: doors.replaceAll('OUT', `${lab.dir}/written`),
    conf: QUICK,
  });
  await product.start();
  return product;
}

async function knock(lab: Lab, from: Place, family: 4 | 6, ...ports: number[]): Promise<void> {
  await lab.knock(from, ADDRESS.server[family], ports);
}

test('a start command sees the address wherever it is named, in both families', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = await startPlain(
    lab,
    `[plain]
sequence = 7000,7001
command = echo "$(echo sub) %IP% %IP%x %ip%" >>OUT; # the shell's comment
[two]
sequence = 7010
start_command = echo four %IP% >>OUT
start_command_6 = echo six %IP% >>OUT
[silent]
sequence = 7020
start_command = echo silent %IP% >>OUT
start_command_6 =
`,
  );
  await knock(lab, 'client', 4, 7000, 7001);
  await knock(lab, 'client2', 6, 7000, 7001);
  assert.deepEqual((await waitForWritten(lab, 2)).sort(), [
    'sub 10.77.1.2 10.77.1.2x %ip%',
    'sub fd77:2::2 fd77:2::2x %ip%',
  ]);
  for (const family of FAMILIES) await knock(lab, 'client', family, 7010);
  assert.deepEqual((await waitForWritten(lab, 4)).slice(2).sort(), [
    `four ${ADDRESS.client[4]}`,
    `six ${ADDRESS.client[6]}`,
  ]);
  await knock(lab, 'client', 6, 7020);
  await knock(lab, 'client', 4, 7020);
  assert.deepEqual((await waitForWritten(lab, 5)).slice(4), [`silent ${ADDRESS.client[4]}`]);
  await product.waitForLog(/: silent: OPEN SESAME/, 2);
  assert.deepEqual((await product.status()).services, []);
  assert.equal((await product.ctl(['accept', '192.0.2.1'])).exitCode, 1, 'there is no service');
  await product.stop();
  assert.equal((await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout, '');
});

// knockd 0.8: commands have its log, its socket and more (test/better/life.test.ts), seen 2026-11-21.
test('a command inherits no descriptor, and how it ends is logged as knockd does', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = await startPlain(
    lab,
    `[open]
sequence = 7000
command = ls -l /proc/self/fd >>OUT; env >>OUT; pwd >>OUT
[seven]
sequence = 7001
command = exit 7
[absent]
sequence = 7002
command = /there/is/no/such/program %IP%
[killed]
sequence = 7003
command = kill -9 $$
[good]
sequence = 7004
command = true
`,
  );
  // Not even one that whoever starts the product has left open.
  const shell = ['/bin/bash', '-c', 'exec 200</dev/zero; exec "$@"', 'bash'];
  const restart = [process.execPath, KNOCKCTL, '-c', product.paths.conf, 'restart'];
  assert.equal((await lab.exec('server', [...shell, ...restart])).exitCode, 0);
  await knock(lab, 'client', 4, 7000);
  await lab.waitFor(() => written(lab).includes('/'), 'the last line of the command');
  const lines = written(lab);
  const descriptors = lines
    .map((line) => / (\d+ -> .*)$/.exec(line)?.[1])
    .filter((found) => found !== undefined);
  const expected = ['0 -> /dev/null', `1 -> ${lab.dir}/written`, '2 -> /dev/null'];
  assert.deepEqual(descriptors.slice(0, 3), expected);
  assert.match(descriptors.slice(3).join(), /^3 -> \/proc\/\d+\/fd$/, 'the folder that ls reads');
  assert.ok(
    lines.some((line) => line.startsWith('PATH=/')),
    'a plain environment',
  );
  assert.ok(!lines.some((line) => /NODE|NOTIFY|KNOCK/.test(line)), lines.join('\n'));

  await knock(lab, 'client', 4, 7001, 7002, 7003, 7004);
  await product.waitForLog(/^good: running command/);
  await product.waitForLog(/non-zero/, 3);
  await product.stop();
  const logged = product.log().filter((line) => line.includes('command returned'));
  assert.deepEqual(logged.sort(), [
    'absent: command returned non-zero status code (127)',
    'killed: command returned non-zero status code (0)',
    'seven: command returned non-zero status code (7)',
  ]);
});

test('a stop command runs cmd_timeout after the start command, once for each knock', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = await startPlain(
    lab,
    `[pair]
sequence = 7000
start_command = echo start %IP% $(cut -d' ' -f1 /proc/uptime) >>OUT
cmd_timeout = 2
stop_command = echo stop %IP% $(cut -d' ' -f1 /proc/uptime) >>OUT
[slow]
sequence = 7001
start_command = until grep -qs start OUT; do sleep 0.1; done; echo slow %IP% >>OUT
cmd_timeout = 0
stop_command = echo end %IP% >>OUT
`,
  );
  await knock(lab, 'client', 4, 7001);
  await knock(lab, 'client', 4, 7000);
  await knock(lab, 'client2', 6, 7000);
  // The slow command waits for another one to start: it holds up nothing.
  await lab.waitFor(() => written(lab).some((line) => line.startsWith('slow')), 'the slow command');
  await knock(lab, 'client', 4, 7000);
  const lines = await waitForWritten(lab, 8);
  const at = (word: string, address: string): number[] =>
    lines
      .filter((line) => line.startsWith(`${word} ${address} `))
      .map((line) => Number(line.split(' ')[2]) * 1000);
  for (const [address, count] of [
    [ADDRESS.client[4], 2],
    [ADDRESS.client2[6], 1],
  ] as const) {
    const starts = at('start', address);
    const stops = at('stop', address);
    assert.equal(starts.length, count);
    assert.equal(stops.length, count);
    starts.forEach((start, index) => {
      const after = (stops[index] ?? 0) - start;
      assert.ok(after >= 1_990 && after < 6_000, `stopped ${after} ms after the start`);
    });
  }
  assert.ok(lines.indexOf(`slow ${ADDRESS.client[4]}`) < lines.indexOf(`end ${ADDRESS.client[4]}`));
  assert.equal((await product.status()).pendingStops, 0);
  await product.stop();
});

test('a clean stop runs the stop commands that wait, and waits for them', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = await startPlain(
    lab,
    `[long]
sequence = 7000
start_command = echo start %IP% >>OUT
cmd_timeout = 1000
stop_command = sleep 0.3; echo stop %IP% >>OUT
`,
  );
  await knock(lab, 'client', 4, 7000);
  await knock(lab, 'client2', 6, 7000);
  await waitForWritten(lab, 2);
  await lab.waitFor(async () => (await product.status()).pendingStops === 2, 'two pending stops');
  await product.stop();
  assert.deepEqual(written(lab).slice(2).sort(), [`stop ${ADDRESS.client[4]}`, `stop ${ADDRESS.client2[6]}`]);
  assert.ok(product.log().includes(`${ADDRESS.client[4]}: long: command timeout`));
});
