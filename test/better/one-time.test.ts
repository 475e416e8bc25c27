import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { startBeside, type Beside } from './beside.js';

const { 4: server, 6: server6 } = ADDRESS.server;
const DOOR = `[once]
one_time_sequences = DIR/sequences
seq_timeout = 5
tcpflags = syn
command = echo %IP% >> DIR/out
`;
const files = ({ ours, theirs }: Beside): string[] =>
  [ours, theirs].map((daemon) => daemon.read('sequences'));

// knockd 0.8: is aborted (exit 134, "free(): double free detected"), so no door opens any more, seen 2026-11-21.
test('the last one used disables the door, and no other', async () => {
  await using beside = await startBeside({ doors: DOOR }, { sequences: '7000,7001\n' });
  const { lab, ours, knockd } = beside;
  await lab.knock('client', server, [7000, 7001]);
  await beside.settle([ours]);
  assert.equal(await knockd.closed, 134); // knockd marks the line before that
  assert.deepEqual(files(beside), ['#000,7001\n', '#000,7001\n']);
  assert.equal((await beside.product.status()).state, 'armed');
});

// knockd 0.8: marks the unreadable line in place of the sequence that was used, names the door by freed memory, and lets
// the sequence in again after a restart, seen 2026-11-21.
for (const bad of ['7002:icmp', '99999', '7,'.repeat(33)]) {
  test(`an unreadable line never takes the mark of another: ${bad.slice(0, 10)}`, async () => {
    const text = `7000,7001\n${bad}\n7002,7003\n7004\n`;
    await using beside = await startBeside({ doors: DOOR }, { sequences: text });
    const { lab, ours, theirs } = beside;
    for (const [times, ports] of [
      [7000, 7001],
      [7002, 7003],
    ].entries()) {
      await lab.knock('client', server, ports);
      for (const daemon of [ours, theirs]) await beside.until(daemon, ': OPEN SESAME', times + 1);
    }
    const marked = (...lines: number[]): string =>
      text.replaceAll(/^./gm, (first, at: number) =>
        lines.includes(text.slice(0, at).split('\n').length) ? '#' : first,
      );
    await lab.waitFor(() => files(beside)[0] === marked(1, 3), 'our marks');
    await lab.waitFor(() => files(beside)[1] === marked(1, 2), 'the marks of knockd');
  });
}

// knockd 0.8: after the first use, over either family, no knock over IPv6 opens any more, seen 2026-11-21.
test('knocks over IPv6 advance, too', async () => {
  await using beside = await startBeside({ doors: DOOR }, { sequences: '7000,7001\n7002,7003\n7004\n' });
  const { lab, ours, theirs } = beside;
  await lab.knock('client', server6, [7000, 7001]);
  for (const daemon of [ours, theirs]) await beside.until(daemon, ': once: OPEN SESAME');
  await lab.knock('client', server6, [7002, 7003]);
  await beside.settle();
  assert.deepEqual([ours.opened().length, theirs.opened().length], [2, 1]);
  assert.deepEqual(files(beside), ['#000,7001\n#002,7003\n7004\n', '#000,7001\n7002,7003\n7004\n']);
});

// knockd 0.8: runs the command, and crosses out another line, seen 2026-11-21. It starts the command before it marks
// (strace: clone, write of the log, then write of the mark), so that which comes first is left to chance.
test('the mark is on disk before the command: what cannot be marked runs nothing', async () => {
  await using beside = await startBeside({ doors: DOOR }, { sequences: '7000,7001\n7002,7003\n7004\n' });
  const { lab, ours, theirs } = beside;
  // The administrator has taken the first line out.
  const left = '7002,7003\n7004\n';
  for (const { dir } of [ours, theirs]) writeFileSync(`${dir}/sequences`, left);
  await lab.knock('client', server, [7000, 7001]);
  await beside.settle();
  await lab.waitFor(() => theirs.read('out') !== '', 'the command of knockd');
  assert.equal(ours.read('out'), '');
  assert.deepEqual(files(beside), [left, '#002,7003\n7004\n']);
});
