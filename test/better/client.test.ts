import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { ADDRESS, createLab, type KnockOptions, type Lab } from '../helpers/lab.js';
import type { ExecResult } from '../helpers/processes.js';
import { Daemon, KNOCKD } from './beside.js';

const { 4: server } = ADDRESS.server;
let lab: Lab;
let daemon: Daemon;
before(async () => {
  lab = await createLab({ backend: 'nft' });
  daemon = new Daemon(lab, 'knockd');
  writeFileSync(`${daemon.dir}/knockd.conf`, daemon.doors({ doors: '[d]\nsequence = 7000\n' }));
  lab.spawn('server', [KNOCKD, '-c', `${daemon.dir}/knockd.conf`]);
  await lab.waitFor(() => daemon.lines().length > 0, 'knockd');
});
after(async () => {
  await lab.dispose();
});

/** Knocks with a client; gives how it ended, and how many doors that opened. */
async function knock(
  client: KnockOptions['client'] & string,
  args: readonly string[],
  ports: readonly string[],
): Promise<ExecResult & { readonly opened: number }> {
  const before = daemon.opened().length;
  const done = await lab.knock('client', server, ports, { client, args });
  const end = daemon.lines().length;
  await lab.knock('client', server, ['6:udp']);
  await lab.waitFor(() => daemon.lines().slice(end).join().includes('end: OPEN'), 'the last knock');
  return { ...done, opened: daemon.opened().length - before };
}

// knock of knockd 0.8: knocks at the port modulo 65,536, and says nothing, seen 2026-11-21.
test('a port over 65535 is an error', async () => {
  const ours = await knock('ours', [], ['72536']);
  assert.deepEqual([ours.exitCode, ours.opened], [1, 0]);
  assert.match(ours.stderr, /port 72536 is not from 1 to 65535/);
  const theirs = await knock('debian', [], ['72536']);
  assert.deepEqual([theirs.exitCode, theirs.stderr, theirs.opened], [0, '', 1]);
});

// knock of knockd 0.8: has none of these options, prints its usage and exits with 1, seen 2026-11-21.
for (const [args, more] of [
  [['-i', 'eth0'], []],
  [['--both'], []],
  [[], ['--then', 'touch', 'FILE']],
] as const) {
  test(`there is ${[...args, ...more].join(' ')}`, async () => {
    const behind = more.map((word) => word.replace('FILE', `${lab.dir}/touched`));
    const ours = await knock('ours', args, ['7000', ...behind]);
    assert.deepEqual([ours.exitCode, ours.opened], [0, 1], ours.stderr);
    const theirs = await knock('debian', args, ['7000', ...behind]);
    assert.deepEqual([theirs.exitCode, theirs.opened], [1, 0]);
    assert.match(theirs.stdout + theirs.stderr, /invalid option|unrecognized option/);
    if (more.length > 0) assert.equal(readFileSync(`${lab.dir}/touched`, 'utf8'), '');
  });
}
