/** Beside dead name servers, with a host name in the trusted list: systemd restarts, stops and powers off as fast as without. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { PEER } from '../helpers/lab.js';
import { Control, nowMs } from '../helpers/promise.js';
import { UnknownClient } from '../helpers/unknown-client.js';
import { waitFor } from '../helpers/wait.js';
import { CLIENT, MACHINE, type Machine } from './machine.js';
import { CTL, Host, protectedMachine, SYSTEMCTL } from './protected.js';

/** What dead name servers may cost. */
const MOST_MORE_MS = 3_000;
/** As many as getaddrinfo(3) asks: half a minute. */
const RESOLV = `nameserver ${CLIENT[4]}\n`.repeat(3);
const EVERY_MS = '10';
const LEAST_ATTEMPTS = 200;

/** What each takes, in milliseconds. */
interface Taken {
  readonly restart: number;
  readonly stop: number;
  readonly poweroff: number;
}

let machine: Machine;
let host: Host;
let folder: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'knockctl-host-'));
  machine = await protectedMachine(folder);
  host = new Host(machine);
  // The client takes the questions, and says nothing.
  for (const protocol of ['udp', 'tcp']) {
    const rule = ['-A', 'INPUT', '-p', protocol, '--dport', '53', '-j', 'DROP'];
    const done = await machine.atClient(['/usr/sbin/iptables-nft', ...rule]);
    assert.equal(done.exitCode, 0, done.stderr);
  }
});
after(async () => {
  await machine[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** How many packets with questions the client has taken. */
async function questions(): Promise<number> {
  const { stdout } = await machine.atClient(['/usr/sbin/iptables-nft', '-nvxL', 'INPUT']);
  return [...stdout.matchAll(/^ +([0-9]+) .*dpt:53/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** Has the machine look names up, and waits until it has asked. */
async function lookUp(asks: boolean): Promise<void> {
  const before = await questions();
  await machine.must(CTL, 'reload');
  if (asks) await waitFor(async () => (await questions()) > before, 'a question');
}

/** Times restart, stop and poweroff with this trusted list; `limits`: what each takes without a name. */
async function timed(control: Control, trusted: string, limits?: Taken): Promise<Taken> {
  writeFileSync(host.inside('/etc/resolv.conf'), RESOLV);
  writeFileSync(host.inside('/etc/knockctl/knockd.trusted'), trusted);
  const during = async (what: keyof Taken, act: () => Promise<unknown>): Promise<number> => {
    await lookUp(limits !== undefined);
    const beganMs = nowMs();
    await act();
    const tookMs = nowMs() - beganMs;
    if (limits !== undefined) control.keeps(what, beganMs, tookMs, limits[what] + MOST_MORE_MS, 3);
    return tookMs;
  };
  const restart = await during('restart', async () => machine.must(SYSTEMCTL, 'restart', 'knockctl'));
  await host.armed('after a restart');
  const stop = await during('stop', async () => machine.must(SYSTEMCTL, 'stop', 'knockctl'));
  await machine.must(SYSTEMCTL, 'start', 'knockctl');
  return { restart, stop, poweroff: await during('poweroff', async () => machine.shutDown()) };
}

// Each red with getaddrinfo in the supervisor's process.
test('an unknown client that tries all the time does not get in while systemd restarts it', async (t) => {
  writeFileSync(host.inside('/etc/resolv.conf'), RESOLV);
  writeFileSync(host.inside('/etc/knockctl/knockd.trusted'), 'home.example.net\n');
  await waitFor(async () => !(await host.answers()), 'the port to be shut');
  const unknown = new UnknownClient(
    Object.values(MACHINE).map((address) =>
      machine.spawnAtClient([PEER, 'attempts', address, '22', EVERY_MS]),
    ),
  );
  let endedMs = 0;
  for (let all = 0; all < LEAST_ATTEMPTS;) {
    await lookUp(true);
    const beganMs = nowMs();
    await machine.must(SYSTEMCTL, 'restart', 'knockctl');
    endedMs = nowMs();
    const during = await unknown.between(beganMs, endedMs);
    t.diagnostic(`${during.all} attempts in ${(endedMs - beganMs).toFixed(0)} ms, ${during.in} got in`);
    assert.equal(during.in, 0);
    all += during.all;
  }
  assert.equal((await unknown.between(0, endedMs)).in, 0);
});

test('a name that no server resolves delays no restart, no stop and no poweroff', async (t) => {
  await using control = await Control.start();
  const without = await timed(control, '');
  await machine.boot();
  const beside = await timed(control, 'home.example.net\n', without);
  for (const what of ['restart', 'stop', 'poweroff'] as const)
    t.diagnostic(`${what}: ${beside[what].toFixed(0)} ms, without a name ${without[what].toFixed(0)} ms`);
});
