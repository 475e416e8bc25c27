import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { kernel, stage, type Stage } from './setting.js';

/** What no verb takes. */
const NO_ADDRESSES = [
  'fe80::1%eth0',
  '1.1.1.1\nflush filter',
  '1.1.1.1 timeout 0',
  ' 1.1.1.1',
  '1.1.1.1\t',
  '010.1.1.1',
  '0x7f.1.1.1',
  '1.2.3',
  '1.2.3.4.5',
  '16909060',
  '1.2.3.4/33',
  '1.2.3.4/-1',
  '1.2.3.4/08',
  '1.2.3.4/255.0.0.0',
  '1.2.3.4-1.2.3.9',
  '1.2.3.4:22',
  '2001:db8::1/129',
  '2001:db8:::1',
  '',
  '\u001b[31m',
  '1'.repeat(5_000),
];
const HOST_NAMES = ['localhost', 'example.org'];
const TOO_WIDE = ['10.0.0.0/7', '0.0.0.0/0', '::/16', '::/0'];
const OPTIONS = ['-j', '--jump', '-exist', '-'];

let scene: Stage;
before(async () => {
  scene = await stage('nft', { trusted: `${ADDRESS.client[4]} # the office\n` });
  await scene.product.start();
  await scene.product.must('accept', '192.0.2.1', '2001:db8::1', '--timeout', '1000');
  await scene.product.must('drop', '192.0.2.2', '2001:db8::2');
});
after(async () => {
  await scene[Symbol.asyncDispose]();
});

/** Runs commands side by side; each must exit with `code`, say `words`, and change nothing. */
async function refused(commands: readonly (readonly string[])[], code: number, words: RegExp): Promise<void> {
  const { lab, product } = scene;
  const held = await kernel(lab);
  const queue = [...commands];
  const worker = async (): Promise<void> => {
    for (let args = queue.shift(); args !== undefined; args = queue.shift()) {
      const said = JSON.stringify(args).slice(0, 120);
      const done = await product.ctl(args, { input: '' });
      assert.equal(done.exitCode, code, `${said}: ${done.stdout}${done.stderr}`);
      assert.equal(done.stdout, '', said);
      assert.match(done.stderr, words, said);
      assert.ok(done.stderr.length < 3_000, `${said} was told too much: ${done.stderr}`);
      assert.doesNotMatch(
        done.stderr,
        /\bat .*\.js:\d+|[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/,
        `${said}: a stack, or control codes`,
      );
    }
  };
  await Promise.all([worker(), worker(), worker()]);
  assert.equal(await kernel(lab), held, 'something was changed');
}

test('accept refuses what is no address, whatever it is', async () => {
  const bad = [...NO_ADDRESSES, ...HOST_NAMES, ...TOO_WIDE];
  await refused(
    bad.map((word) => ['accept', '--', word]),
    1,
    /nothing was changed/,
  );
});

for (const verb of ['drop', 'trust', 'untrust', 'flush'] as const) {
  test(`${verb} refuses what is no address, and names all of it`, async () => {
    const { lab, product } = scene;
    const names = verb === 'trust' || verb === 'untrust' ? [] : HOST_NAMES;
    const wide = verb === 'drop' ? TOO_WIDE : [];
    const bad = [...NO_ADDRESSES.filter((word) => word.length < 200), ...names, ...wide];
    const held = await kernel(lab);
    for (let start = 0; start < bad.length; start += 15) {
      const words = bad.slice(start, start + 15);
      const done = await product.ctl([verb, '192.0.2.1', '198.51.100.7', '--', ...words]);
      assert.equal(done.exitCode, 1, done.stdout);
      const faults = done.stderr.split('\n').filter((line) => line.startsWith('knockctl: '));
      assert.equal(faults.length, words.length, done.stderr);
    }
    await refused([[verb, '1'.repeat(5_000)]], 1, /too long to be an address/);
    assert.equal(await kernel(lab), held, 'something was changed');
  });

  test(`${verb} takes no option for an address`, async () => {
    await refused([[verb, '--jump']], 64, /unknown option/);
    await refused([[verb, '--', '-j']], 1, /nothing was changed/);
  });
}

test('accept takes no option for an address', async () => {
  await refused(
    OPTIONS.map((word) => ['accept', word]),
    64,
    /unknown option|no address was given/,
  );
});

test('what nobody may be trusted as', async () => {
  const everybody = ['0.0.0.0/0', '::/0'].map((word) => ['trust', word]);
  await refused(everybody, 1, /would trust everybody/);
});

test('drop refuses a trusted address, and the network around it', async () => {
  const address = ADDRESS.client[4];
  await refused(
    [
      ['drop', address],
      ['drop', '10.77.1.0/24'],
    ],
    1,
    /is trusted/,
  );
});

test('flush of an address that is nowhere is not found', async () => {
  await refused(
    [
      ['flush', '203.0.113.99'],
      ['flush', ADDRESS.client[4]],
    ],
    1,
    /in neither filter nor banned/,
  );
});

test('time-outs out of range', async () => {
  const values = ['-1', '2147484', '99999999999', '1e3', '1.5', '', 'forever', ' 5', '0x10'];
  await refused(
    values.map((value, index) => [index % 2 === 0 ? 'accept' : 'drop', '198.51.100.7', `--timeout=${value}`]),
    64,
    /whole number of seconds from 0 \(for ever\) to 2147483/,
  );
});

test('services that are not there', async () => {
  await refused([['accept', '198.51.100.7', '--service', 'web']], 1, /the services are: ssh/);
  await refused([['accept', '198.51.100.7', '--service', 'x'.repeat(300)]], 64, /so long a name/);
});

test('unknown commands and options, and too many words', async () => {
  const wrong = [
    ['frobnicate'],
    ['ACCEPT', '1.1.1.1'],
    ['start', 'now'],
    ['status', '--verbose'],
    ['list', 'everything'],
    ['stop', '--force'],
    ['accept'],
    ['accept', '--timeout'],
    ['-c'],
    ['--', '-x'],
  ];
  await refused(wrong, 64, /error: |Usage/);
});

test('files with bad lines, binary ones, missing ones', async () => {
  const path = (name: string): string => join(scene.lab.dir, name);
  writeFileSync(path('bad'), '198.51.100.7\n\n# good so far\n198.51.100.8 ; no comment\n');
  const noise = Buffer.from(Array.from({ length: 3_000 }, (_, index) => (index * 151 + 7) % 256));
  writeFileSync(path('binary'), noise);
  writeFileSync(path('zeros'), Buffer.alloc(100_000));
  writeFileSync(path('empty'), '# nobody\n\n');
  const from = (name: string): string[][] =>
    ['accept', 'untrust'].map((verb) => [verb, '--file', path(name)]);
  await refused(from('bad'), 1, /"198\.51\.100\.8 ; no comment"/);
  await refused([...from('binary'), ...from('zeros')], 1, /nothing was changed/);
  await refused(from('missing'), 1, /cannot read .*missing: there is no such file/);
  await refused([['flush', '--file', scene.lab.dir]], 1, /cannot read .*: it is a folder/);
  await refused(from('empty'), 64, /no address was given/);
});
