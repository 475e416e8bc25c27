import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { isAlive } from '../../src/system/process.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product, QUICK } from '../helpers/product.js';
import { inTurn } from './setting.js';

const GONE = 'no more sequences left in the one time sequences file for door once --> disabling the door';

function doors(file: string, command: string): string {
  return `[once]\none_time_sequences = ${file}\nseq_timeout = 5\ntcpflags = syn\n${command}\n`;
}

/** A product with one door, whose sequences are in the file; not started. */
function once(lab: Lab, sequences: string, command = 'command = echo %IP% >> OUT'): Product {
  const file = `${lab.dir}/sequences`;
  writeFileSync(file, sequences);
  return new Product(lab, { doors: doors(file, command.replaceAll('OUT', `${lab.dir}/out`)), conf: QUICK });
}

const sequences = (lab: Lab): string => readFileSync(`${lab.dir}/sequences`, 'utf8');

/** What status tells of the doors' sequences. */
async function told(product: Product): Promise<string[]> {
  return (await product.status()).doors.map(({ sequence }) => sequence);
}

// knockd 0.8 beside it: test/better/one-time.test.ts.
inTurn('a one-time sequence lets in once, and the next one then', {}, async (setting) => {
  const { lab, product, knock, gets, opens, client } = setting;
  const file = `${lab.dir}/sequences`;
  writeFileSync(file, '# spent\n7000,7001\nnonsense\n8000:udp,8001\n');
  writeFileSync(product.paths.doors, doors(file, 'command = knockctl accept %IP%'));
  assert.match((await product.ctl(['check'])).stderr, /sequences:3: port nonsense is invalid/);
  await product.start();
  await knock('client', [7000, 7001]);
  await opens('client');
  assert.equal(readFileSync(file, 'utf8'), '# spent\n#000,7001\nnonsense\n8000:udp,8001\n');
  await product.must('flush', client);
  await knock('client', [7000, 7001]);
  await knock('client2', [7000, 7001]);
  assert.equal(await gets('client'), false, 'a replay opens nothing');
  assert.deepEqual(await told(product), ['8000:udp,8001:tcp (one-time, 1 left)']);
  await knock('client', ['8000:udp', 8001]);
  await opens('client');
  assert.equal(await gets('client2'), false);
  await product.waitForLog(new RegExp(`^${GONE}$`));
  assert.equal(readFileSync(file, 'utf8'), '# spent\n#000,7001\nnonsense\n#000:udp,8001\n');
  await product.must('flush', client);
  await knock('client', [7000, 7001, '8000:udp', 8001]);
  assert.equal(await gets('client'), false, 'the door is disabled');
  assert.equal((await product.status()).state, 'armed');

  // One door that is used up must keep neither a reload nor a supervisor after a crash from all the others.
  const warned = await product.ctl(['check']);
  assert.equal(warned.exitCode, 0);
  assert.ok(warned.stderr.includes(GONE), warned.stderr);
  await product.must('reload');
  await product.kill('supervisor');
  await product.must('restartifdead');
  await product.waitForState('armed');
  assert.deepEqual(await told(product), ['no one-time sequence left']);
  appendFileSync(file, '9000,9001\n');
  await product.must('reload');
  await knock('client', [9000, 9001]);
  await opens('client');
  await product.stop();
  const refused = await product.ctl(['start']);
  assert.equal(refused.exitCode, 78, 'a start from nothing is refused, as knockd’s is');
  assert.ok(refused.stderr.includes(GONE), refused.stderr);
});

test('a one-time sequence is marked before its command runs, and again knows no listener of it', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const command = `command = cp ${lab.dir}/sequences ${lab.dir}/seen; echo %IP% >> OUT`;
  const product = once(lab, '7000\n7001\n7002\n7003\n', command);
  await product.start();
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await product.waitForLog(/running command/);
  await lab.waitFor(() => isThere(`${lab.dir}/out`), 'the command');
  assert.equal(readFileSync(`${lab.dir}/seen`, 'utf8'), '#000\n7001\n7002\n7003\n');

  const listener = product.identity('listener');
  await product.kill('listener');
  await lab.waitFor(() => product.identity('listener')?.pid !== listener?.pid, 'another listener');
  await product.waitForState('armed');
  await lab.knock('client', ADDRESS.server[6], [7000, 7001]);
  await product.waitForLog(/OPEN SESAME/, 2);
  assert.equal(sequences(lab), '#000\n#001\n7002\n7003\n');

  await product.kill('supervisor');
  await product.start();
  await lab.knock('client2', ADDRESS.server[4], [7000, 7001, 7002]);
  await product.waitForLog(/OPEN SESAME/, 3);
  assert.equal(sequences(lab), '#000\n#001\n#002\n7003\n');
  await product.must('restart');
  await lab.knock('client', ADDRESS.server[4], [7002, 7003]);
  await product.waitForLog(new RegExp(`^${GONE}$`));
  const opened = product.log().filter((line) => line.includes('OPEN SESAME'));
  assert.deepEqual(opened, [
    `${ADDRESS.client[4]}: once: OPEN SESAME`,
    `${ADDRESS.client[6]}: once: OPEN SESAME`,
    `${ADDRESS.client2[4]}: once: OPEN SESAME`,
    `${ADDRESS.client[4]}: once: OPEN SESAME`,
  ]);
  await product.stop();
});

test('a one-time sequence that cannot be marked runs nothing', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = once(lab, '7000\n7001\n');
  await product.start();
  writeFileSync(`${lab.dir}/sequences`, '7001\n'); // the administrator took the line out
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await product.waitForLog(/^error: once: the command is not run: line 1 of .* is not there any more/);
  assert.equal(isThere(`${lab.dir}/out`), false);
  assert.equal(sequences(lab), '7001\n');
  await lab.knock('client', ADDRESS.server[4], [7001]);
  await lab.waitFor(() => isThere(`${lab.dir}/out`), 'the command of the next one');
  assert.equal(sequences(lab), '#001\n');
  await product.stop();
});

test('a used one-time sequence cannot be sent again while the supervisor is busy', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const product = once(lab, '7000,7001\n7002,7003\n');
  await product.start();
  product.signal('supervisor', 'SIGSTOP');
  await lab.knock('client', ADDRESS.server[4], [7000, 7001]);
  await lab.knock('client2', ADDRESS.server[4], [7000, 7001]);
  await lab.knock('client2', ADDRESS.server[6], [7000, 7001]);
  product.signal('supervisor', 'SIGCONT');
  await lab.knock('client', ADDRESS.server[4], [7002, 7003]);
  await product.waitForLog(new RegExp(`^${GONE}$`));
  const opened = product.log().filter((line) => line.includes('OPEN SESAME'));
  const line = `${ADDRESS.client[4]}: once: OPEN SESAME`;
  assert.deepEqual(opened, [line, line]);
  assert.equal(sequences(lab), '#000,7001\n#002,7003\n');
  await product.stop();
});

test('a reload while one-time sequences are used up opens each once', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const ports = Array.from({ length: 60 }, (_, index) => 7000 + index);
  const product = once(lab, ports.map((port) => `${port}\n`).join(''));
  await product.start();
  const reloads = (async () => {
    for (let round = 0; round < 3; round += 1) await product.must('reload');
  })();
  const used = (): number =>
    sequences(lab)
      .split('\n')
      .filter((line) => line.startsWith('#')).length;
  for (const port of ports) {
    const before = used();
    // A knock that falls between two listeners is lost, as any packet may be: it is sent again.
    await lab.waitFor(async () => {
      await lab.knock('client', ADDRESS.server[4], [port]);
      return used() > before;
    }, `port ${port}`);
    assert.equal(used(), before + 1);
    // A new listener takes over only in a moment in which it knows what has been used: knocks without a pause put that off.
    if (port % 5 === 0) await sleep(500);
  }
  await reloads;
  await product.waitForLog(/OPEN SESAME/, ports.length);
  const lines = product.log();
  assert.equal(lines.filter((line) => line.includes('OPEN SESAME')).length, ports.length);
  assert.deepEqual(
    lines.filter((line) => /^error|lost/.test(line)),
    [],
  );
  const supervisor = product.identity('supervisor');
  assert.ok(supervisor !== undefined && isAlive(supervisor));
  await product.stop();
});

function isThere(path: string): boolean {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false; // not yet
  }
}
