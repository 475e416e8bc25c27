/**
 * Rows of knockd-compat.md about knockd.conf: what knockd takes, knockctl takes; what knockd refuses, knockctl refuses in
 * the same words. What the lines that are taken mean is compared with packets, in recognition.test.ts.
 */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { KNOCKD } from './pair.js';

const DOOR = '[d]\nsequence = 7000,8000,9000\n';
const ports = (count: number): string => Array.from({ length: count }, (_, index) => 7000 + index).join(',');

const TAKEN: readonly (readonly [string, string])[] = [
  ['an empty file', ''],
  ['only [options]', '[options]\n'],
  ['a name with spaces', '[ my door ]\nsequence = 1\n'],
  ['[options] in the middle, and again', `${DOOR}[options]\npidfile = /p\n[options]\nUseSyslog\n`],
  ['UseSyslog in a door', `${DOOR}UseSyslog\n`],
  ['upper and lower case, blanks', '[d]\nsEqUeNcE = 7000 , 8000:UDP , 9000 : tcp\n'],
  ['a third field of a step', '[d]\nsequence = 7000:tcp:x\n'],
  ['flags in any case', `${DOOR}tcpflags=SYN,!Ack\n`],
  ['doors of the same name', `${DOOR}${DOOR}`],
  ['32 ports', `[d]\nsequence = ${ports(32)}\n`],
  ['CRLF, tabs, comments', `# c\r\n\r\n\t[d]\t\r\n  # c\r\n\tsequence\t= 7000\t\r\n`],
  ['a window that is never', `${DOOR}seq_timeout = -1\n`],
  ['a # in a command', `${DOOR}command=echo hi # x\n`],
];

const REFUSED: readonly (readonly [string, string])[] = [
  ['a directive before any section', 'sequence = 7000\n'],
  ['[options is not closed', '[options\nlogfile = /x\n'],
  ['an empty name', '[]\n'],
  ['[Options] is a door', '[Options]\nlogfile = /x\nsequence = 1\n'],
  ['a comment behind a section', `[options]\n[d] # c\nsequence = 1\n`],
  ['a comment with ;', `${DOOR}; comment\n`],
  ['UseSyslog with a value', '[options]\nUseSyslog = 1\n'],
  ['an unknown key', `${DOOR}colour = red\n`],
  ['a key of another section', `[options]\nsequence = 1\n`],
  ['a line without =', `${DOOR}command\n`],
  ['a comment behind a step', '[d]\nsequence = 8000:tcp # x\n'],
  ['a blank before a flag', `${DOOR}tcpflags=syn, ack\n`],
  ['no flag', `${DOOR}tcpflags=\n`],
  ['a comma behind the flags', `${DOOR}tcpflags=syn,\n`],
  ['two !', `${DOOR}tcpflags=!!syn\n`],
  ['33 ports', `[d]\nsequence = ${ports(33)}\n`],
  ['another protocol', '[d]\nsequence = 7000:icmp\n'],
  ['no protocol behind the colon', '[d]\nsequence = 7000:\n'],
  ['no sequence', '[d]\ncommand = true\n'],
];

let lab: Lab;
let product: Product;

before(async () => {
  lab = await createLab({ backend: 'nft' });
  product = new Product(lab, { doors: '' });
});

after(async () => {
  await lab.dispose();
});

/** Starts knockd; gives what it says on stderr where it ends, undefined where it listens. */
async function knockdRefuses(file: string, options: readonly string[] = []): Promise<string | undefined> {
  const knockd = lab.spawn('server', [KNOCKD, '-v', '-i', 'lo', '-c', file, ...options]);
  await knockd.until('listening on lo').catch((error: unknown) => {
    if (knockd.exitCode === undefined) throw error;
  });
  const code = await knockd.kill();
  if (knockd.stdout.includes('listening on lo')) return undefined;
  assert.equal(code, 1, knockd.describe());
  return knockd.stderr.trim();
}

describe('knockd.conf, read by both', () => {
  for (const [name, text] of TAKEN) {
    test(`taken: ${name}`, async () => {
      writeFileSync(product.paths.doors, text);
      const [words, checked] = await Promise.all([
        knockdRefuses(product.paths.doors),
        product.ctl(['check']),
      ]);
      assert.equal(words, undefined);
      assert.equal(checked.exitCode, 0, checked.stderr);
    });
  }

  for (const [name, text] of REFUSED) {
    test(`refused: ${name}`, async () => {
      writeFileSync(product.paths.doors, text);
      const [words, checked] = await Promise.all([
        knockdRefuses(product.paths.doors),
        product.ctl(['check']),
      ]);
      assert.match(words ?? '', /^(?:config|error): [^\n]+$/, 'one line');
      assert.equal(checked.exitCode, 78);
      const said = checked.stderr.split('\n').map((line) => line.replace(/^.*knockd\.conf:\d+: /, ''));
      // What follows in brackets is advice of ours.
      assert.ok(
        said.some((line) => line === words || line.startsWith(`${words ?? '-'} (`)),
        `knockd: ${words ?? ''}\nknockctl: ${checked.stderr}`,
      );
    });
  }

  test('no file: both name it', async () => {
    const { doors } = product.paths;
    rmSync(doors);
    const words = await knockdRefuses(doors);
    assert.ok(words?.includes(doors), words);
    const checked = await product.ctl(['check']);
    assert.notEqual(checked.exitCode, 0);
    assert.ok(checked.stderr.includes(doors), checked.stderr);
  });

  test('one-time sequences that are used up: refused in the same words', async () => {
    writeFileSync(`${lab.dir}/sequences`, '# 7000\n\n');
    writeFileSync(product.paths.doors, `[once]\none_time_sequences = ${lab.dir}/sequences\n`);
    const words = await knockdRefuses(product.paths.doors);
    assert.match(words ?? '', /^no more sequences left in the one time sequences file for door once --> /);
    const checked = await product.ctl(['check']);
    assert.equal(checked.exitCode, 78);
    assert.ok(checked.stderr.includes(words ?? '-'), checked.stderr);
  });

  test('a log file that cannot be written: a warning, and both run', async () => {
    const log = `${lab.dir}/no/such/folder/log`;
    writeFileSync(product.paths.doors, `[options]\nlogfile = ${log}\ninterface = lo\n${DOOR}`);
    assert.equal(await knockdRefuses(product.paths.doors), undefined);
    await product.start();
    assert.equal((await product.status()).state, 'armed');
    await product.stop();
    assert.ok(!existsSync(log));
  });
});
