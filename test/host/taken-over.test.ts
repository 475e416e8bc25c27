/** A listener that was taken over, in its unit on a booted machine: what it reaches, writes, reads, and does to others (docs/threat-model.md). */
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { waitFor } from '../helpers/wait.js';
import { CLIENT, type Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

const ATTACK = fileURLToPath(new URL('../../../test/host/taken-over.pl', import.meta.url));
const PROGRAM = '/usr/lib/knockctl/dist/app/bin/listener.js';
const SCRIPT = '/usr/lib/taken-over.pl';

/** Beside the listener as it is: the attack by a child, once root has been given up; what it says is in the listener's last words. */
const rogue = (words: readonly string[]): string => `
{
  const timer = setInterval(() => {
    if (process.getuid() === 0) return;
    clearInterval(timer);
    const argv = [...${JSON.stringify(words)}, 'self=' + process.pid];
    require('node:child_process').spawn('/usr/bin/perl', argv, { stdio: ['ignore', 2, 2] });
  }, 50);
}
`;

/** What succeeds, and what that is worth. */
const ALLOWED = [
  'connect /run/dbus/system_bus_socket', // as any process of the host
  'frame by the capture', // there is no way to have a packet socket that only receives
  'signal other', // of its own user
  'signal self',
  'write /tmp/taken', // a /tmp of its own
  'write /var/tmp/taken',
];
/** What the attack must be able to do without the unit, or it proves nothing. */
const ELSEWHERE = [
  'udp4',
  'udp6',
  'vsock socket',
  'write /run/lock/taken',
  'write /dev/shm/taken',
  'write /tmp/taken',
  'see supervisor',
  'see init',
  'see other',
];

/** As another listener of this host: it has given up root, and executed nothing since. */
const OTHER =
  "process.setgroups([]); process.setgid('_knockctl'); process.setuid('_knockctl'); setInterval(() => undefined, 1e6)";

let machine: Machine;
let host: Host;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
  machine = await protectedMachine(folder);
  host = new Host(machine);
  copyFileSync(ATTACK, host.inside(SCRIPT));
  for (const tool of ['iptables-nft', 'ip6tables-nft']) {
    const rule = ['-A', 'INPUT', '-p', 'udp', '--dport', '8080'];
    assert.equal((await machine.atClient([`/usr/sbin/${tool}`, ...rule])).exitCode, 0);
  }
});
after(async () => {
  await machine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** How many datagrams of the attack have reached the client. */
async function arrived(): Promise<number> {
  const counts = ['iptables-nft', 'ip6tables-nft'].map(async (tool) => {
    const { stdout } = await machine.atClient([`/usr/sbin/${tool}`, '-nvxL', 'INPUT']);
    return Number(/^ +([0-9]+) .*dpt:8080/m.exec(stdout)?.[1]);
  });
  return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0);
}

/** What succeeded, of the lines that the attack has printed. */
function successes(said: string): string[] {
  assert.match(said, /^done$/m, said);
  const lines = said.split('\n').filter((line) => line.includes(': '));
  return lines.flatMap((line) => (line.endsWith(': yes') ? [line.slice(0, -': yes'.length)] : [])).sort();
}

async function killListener(): Promise<void> {
  const { listener } = JSON.parse(await machine.must(CTL, 'status', '--json')) as {
    listener: { pid: number };
  };
  await machine.must('/bin/kill', '-KILL', String(listener.pid));
}

test('in its unit it reaches no network by a socket of its own, writes nothing that others see, and harms nobody', async () => {
  await machine.must('/usr/bin/systemd-run', '--unit=other', '/usr/lib/knockctl/bin/node', '-e', OTHER);
  const other = await host.property('MainPID', 'other');
  const supervisor = await host.property('MainPID');
  const words = [SCRIPT, CLIENT[4], CLIENT[6], `supervisor=${supervisor}`, 'init=1', `other=${other}`];
  const sound = readFileSync(host.inside(PROGRAM), 'utf8');
  writeFileSync(host.inside(PROGRAM), `${sound}\n${rogue(words)}`);
  await killListener();
  const told = async (): Promise<string> =>
    (await machine.run('/bin/sh', '-c', 'cat /run/knockctl/listener-*.err')).stdout;
  await waitFor(async () => /^done$/m.test(await told()), 'the end of the attack');
  const said = await told();
  // Red without RestrictAddressFamilies; without ReadOnlyPaths and InaccessiblePaths (/run/lock, /dev/shm); without ProtectProc.
  assert.deepEqual(successes(said), ALLOWED);
  assert.equal(await arrived(), 1, 'the frame alone has arrived');
  for (const path of ['/tmp/taken', '/var/tmp/taken', '/dev/shm/taken', '/run/lock/taken'])
    assert.equal((await machine.run('/usr/bin/test', '-e', path)).exitCode, 1, `${path} is there for all`);
  assert.equal(await host.property('MainPID'), supervisor);
  await host.protects('with a listener that was taken over');

  writeFileSync(host.inside(PROGRAM), sound);
  await killListener();
  await host.armed('with a sound listener');
  const [script = '', ...rest] = words;
  const plain = await machine.must(
    '/usr/bin/setpriv',
    ...['--reuid=_knockctl', '--regid=_knockctl', '--clear-groups', '/usr/bin/perl', script, ...rest],
  );
  const without = successes(plain);
  for (const what of ELSEWHERE)
    assert.ok(without.includes(what), `${what} is not possible without the unit either`);
  assert.equal(await arrived(), 3);
  await machine.must(SYSTEMCTL, 'stop', 'other');
});
