import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { after, before, test } from 'node:test';

import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { happensWithin } from '../helpers/wait.js';
import { Daemon, KNOCKD } from './beside.js';

let lab: Lab;
before(async () => {
  lab = await createLab({ backend: 'nft' });
});
after(async () => {
  await lab.dispose();
});

const HEAD = '[options]\nlogfile = DIR/log\n[d]\n';
const [OPENS, SILENT] = [/^opens$/, /^silent$/];
const RUNS = 'command = touch DIR/ran\n';
const LONG = 'x'.repeat(4_093);

const refused = (item: string): RegExp => new RegExp(`^78 .*:4: config: section d: port ${item} is invalid`);
const TOO_LONG = /^78 .*:5: config: line 5: syntax error \(the line has \d+ bytes; 4095 are the most/;

/** Text of knockd.conf, what ours makes of it, and what knockd 0.8 did, seen 2026-11-21. */
const CASES: readonly (readonly [what: string, text: string, ours: RegExp, knockd: RegExp])[] = [
  [
    'a comment that is too long: what stands behind byte 4,095 is a directive to knockd',
    `${HEAD}sequence = 7000\n# ${LONG}${RUNS}`,
    TOO_LONG,
    OPENS,
  ],
  [
    'a command that is too long: knockd complains of a line that is not there',
    `${HEAD}sequence = 7000\ncommand = ${LONG}\n`,
    TOO_LONG,
    /^1 .*config: line 6: syntax error/s,
  ],
  [
    'a byte order mark',
    `\uFEFF${HEAD}sequence = 7000\n${RUNS}`,
    OPENS,
    /^1 .*config: line 1: all directives must belong to a section/s,
  ],
  ['7000abc', `${HEAD}sequence = 7000abc\n${RUNS}`, refused('7000abc'), OPENS],
  ['7000 81', `${HEAD}sequence = 7000 81\n${RUNS}`, refused('"7000 81"'), OPENS],
  ['7000;8000', `${HEAD}sequence = 7000;8000\n${RUNS}`, refused('7000;8000'), OPENS],
  ['"7000"', `${HEAD}sequence = "7000"\n${RUNS}`, refused('"7000"'), SILENT],
  ['an empty item', `${HEAD}sequence = 7000,\n${RUNS}`, refused('""'), SILENT],
  ['0', `${HEAD}sequence = 0\n${RUNS}`, refused('0'), SILENT],
  ['-1', `${HEAD}sequence = -1\n${RUNS}`, refused('-1'), SILENT],
];

/** What comes of a file after a knock at port 7000: `opens`, `silent`, or the exit code and what was said. */
async function tryKnockd(text: string, daemon: Daemon): Promise<string> {
  const file = `${daemon.dir}/knockd.conf`;
  writeFileSync(file, text.replaceAll('DIR', daemon.dir));
  const knockd = lab.spawn('server', [KNOCKD, '-v', '-c', file]);
  await knockd.until('listening on').catch(() => undefined);
  if (knockd.exitCode !== undefined) return `${await knockd.closed} ${knockd.stderr}`;
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await happensWithin(() => opened(daemon), 300);
  await knockd.kill();
  return opened(daemon) ? 'opens' : 'silent';
}

/** The same of ours. */
async function tryOurs(text: string, daemon: Daemon): Promise<string> {
  const product = new Product(lab, {
    doors: text.replaceAll('DIR', daemon.dir),
    folder: `${basename(daemon.dir)}/product`,
  });
  const started = await product.ctl(['start']);
  if (started.exitCode !== 0) return `${started.exitCode} ${started.stderr}`;
  await lab.knock('client', ADDRESS.server[4], [7000]);
  await lab.waitFor(() => opened(daemon), 'the door');
  await product.stop();
  return 'opens';
}

const opened = (daemon: Daemon): boolean => daemon.opened().length > 0;

for (const [index, [what, text, ours, theirs]] of CASES.entries()) {
  test(what, async () => {
    assert.match(await tryKnockd(text, new Daemon(lab, `theirs${index}`)), theirs);
    assert.match(await tryOurs(text, new Daemon(lab, `ours${index}`)), ours);
  });
}
