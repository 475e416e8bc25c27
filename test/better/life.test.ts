import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';

import { ADDRESS } from '../helpers/lab.js';
import { isAlive } from '../../src/system/process.js';
import { startBeside } from './beside.js';

const { 4: server } = ADDRESS.server;

// knockd 0.8: its commands have its log, its event descriptor, its capture socket and its standard streams, and whatever
// it was started with, seen 2026-11-21.
test('commands inherit no descriptors', async () => {
  const list = 'for fd in /proc/$$/fd/*; do readlink $fd; done > DIR/list 2> DIR/errors; mv DIR/list DIR/fds';
  await using beside = await startBeside({ doors: `[d]\nsequence = 7000\ncommand = ${list}\n` });
  const { lab, ours, theirs } = beside;
  await lab.knock('client', server, [7000]);
  const done = (): boolean => ours.read('fds') !== '' && theirs.read('fds') !== '';
  await lab.waitFor(done, 'both lists');
  assert.doesNotMatch(ours.read('fds'), /log|socket|eventfd|pipe/);
  assert.match(theirs.read('fds'), /theirs\/log\n/);
  assert.match(theirs.read('fds'), /socket:[^]*eventfd/);
});

// knockd 0.8: waits for the sleep of its child, until systemd kills both (KillMode=mixed): the stop command never runs,
// seen 2026-11-21.
test('pending stop commands run at a stop', async () => {
  const doors = `[d]
sequence = 7000
start_command = echo start >> DIR/out
cmd_timeout = 1000
stop_command = echo stop >> DIR/out
`;
  await using beside = await startBeside({ doors });
  const { lab, ours, theirs, product, knockd } = beside;
  await lab.knock('client', server, [7000]);
  for (const daemon of [ours, theirs]) {
    await lab.waitFor(() => daemon.read('out') === 'start\n', 'the start command');
  }
  const children = await lab.exec('server', ['/usr/bin/pgrep', '-P', String(knockd.pid)]);
  const supervisor = product.signal('supervisor', 'SIGTERM');
  knockd.signal('SIGTERM');
  await lab.waitFor(() => ours.read('out') === 'start\nstop\n', 'our stop command');
  await lab.waitFor(() => !isAlive(supervisor), 'our end');
  assert.equal(knockd.exitCode, undefined, 'it goes on');
  knockd.signal('SIGKILL');
  for (const pid of children.stdout.split('\n').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  await knockd.closed;
  assert.equal(theirs.read('out'), 'start\n');
});

// knockd 0.8: ends with 1, so that no door opens any more, seen 2026-11-21.
test('after HUP with a bad configuration the old one stays', async () => {
  await using beside = await startBeside({ doors: '[d]\nsequence = 7000\n' });
  const { lab, ours, theirs, product, knockd } = beside;
  for (const file of [product.paths.doors, `${theirs.dir}/knockd.conf`]) {
    writeFileSync(file, `[options]\nlogfile = ${lab.dir}/other\n[d]\nsequence = 7000:icmp\n`);
  }
  product.signal('supervisor', 'SIGHUP');
  knockd.signal('SIGHUP');
  // knockd looks at the signal with the next packet.
  const refused = (): boolean =>
    ours.lines().some((line) => /^error: not reloaded, .*unknown protocol/.test(line));
  await lab.waitFor(refused, 'our refusal');
  await lab.knock('client', server, [7000]);
  assert.equal(await knockd.closed, 1);
  await beside.until(ours, ': d: OPEN SESAME');
});
