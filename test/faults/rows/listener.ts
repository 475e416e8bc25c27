/** Rows 4 to 6, and others in which the listener is lost. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { readIfExists } from '../../../src/system/files.js';
import { waitFor } from '../../helpers/wait.js';
import type { Product } from '../../helpers/product.js';
import { DOORS, getsIn, jumps, lives, untilRunning, ssh } from '../../e2e-faults/setting.js';
import { Rogue } from '../rogue.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs, type Kept } from '../../helpers/promise.js';

/** What the row of the table promises. */
const BACK_MS = 2_000;
/** Of QUICK; and how often the supervisor looks (WATCH_MS). */
const LISTENER_MS = 2_000;
const WATCH_MS = 500;

/** Waits for a listener that is not `old`; gives the milliseconds since then. */
export async function newListener(scene: Scene, old: number, sinceMs: number): Promise<number> {
  const { product } = scene;
  const isNew = (): boolean => ![undefined, old].includes(product.identity('listener')?.pid);
  await waitFor(isNew, 'another listener');
  const ms = nowMs() - sinceMs;
  await scene.entersState('armed');
  return ms;
}

/** The switch was fed all the time. */
export async function neverTripped(scene: Scene, sinceMs: number, meanwhile: string): Promise<void> {
  scene.stranger.neverGotIn(sinceMs, meanwhile);
  const states = new Set((await scene.product.events()).map((event) => event.fields['state']));
  assert.ok(!states.has('tripped'), 'it was tripped');
}

// With a first restart after 6 s (run once, 2026-11-21): red.
const killed: Row = {
  number: 4,
  fault: 'listener SIGKILL',
  promise: 'back in 2 s, no trip',
  run: async (scene) => {
    const { lab, product } = scene;
    const beganMs = nowMs();
    const back = async (limitMs: number, what: string): Promise<Kept> => {
      const killedMs = nowMs();
      const old = product.signal('listener', 'SIGKILL');
      const kept = scene.keeps(killedMs, await newListener(scene, old.pid, killedMs), limitMs, what);
      await untilRunning(lab, 'knockctl: listener', 1);
      return kept;
    };
    const first = await back(BACK_MS, 'until a listener hears');
    const second = await back(BACK_MS + 1_000, 'the second time, after a longer wait');
    await neverTripped(scene, beganMs, 'while the listener was restarted');
    await scene.doorWorks();
    return { ...first, words: `second ${second.ms.toFixed(0)} ms` };
  },
};

// With neither silence nor deafness looked for (run once, 2026-11-21): red.
const stopped: Row = {
  number: 5,
  fault: 'listener SIGSTOP',
  promise: 'killed after listener_timeout, no orphan',
  run: async (scene) => {
    const { lab, product } = scene;
    const beganMs = nowMs();
    const old = product.signal('listener', 'SIGSTOP');
    await waitFor(() => !lives(old), 'the silent listener to be killed');
    const measured = scene.within(beganMs, LISTENER_MS + WATCH_MS, 'until it was killed');
    await newListener(scene, old.pid, beganMs);
    await untilRunning(lab, 'knockctl: listener', 1);
    // Whichever is noticed first.
    await product.waitForLog(/listener lost: (?:not heard for \d s|deaf: no self-knock came back)/);
    await neverTripped(scene, beganMs, 'while the listener was replaced');
    await scene.doorWorks();
    return measured;
  },
};

const STAYS_FED = '[failsafe]\nheartbeat = 1\nswitch_timeout = 30\nlistener_timeout = 10\nmax_restarts = 1\n';

// With a listener that is never given up (run once, 2026-11-21): red.
const exits: Row = {
  number: 6,
  fault: 'listener exits at once, 20 times',
  promise: 'tripped; at most one restart a minute; log bounded',
  fullOnce: true,
  unstarted: true,
  conf: (backend) =>
    `${STAYS_FED}[firewall]\nbackend = ${backend}\n[service.ssh]\nports = 2222\non_failure = restore\nkernel_doors = no\n`,
  run: async (scene) => {
    const { product, stranger } = scene;
    const rogue = new Rogue(scene);
    await rogue.ctl('start');
    await stranger.isShutOut(nowMs(), 2_000);
    rogue.becomes('process.exit(3);');
    const beganMs = nowMs();
    await product.kill('listener');
    const measured = await stranger.getsIn(beganMs, 4_000, 2);
    await product.waitForLog(/started again in 60 s/);
    const status = await product.ctl(['status']);
    assert.equal(status.exitCode, 150);
    assert.match(status.stdout, /tripped.*on_failure/);
    assert.match(status.stdout, /the listener will not stay up/);
    assert.equal(await jumps(scene.lab, scene.family), 1, 'the rules stay, and hand over');
    await isTriedSlowly(scene);
    rogue.sound();
    await rogue.ctl('restart');
    await scene.isArmed();
    await scene.doorWorks();
    return { ...measured, words: `${deaths(scene)} deaths` };
  },
};

function deaths({ product }: Scene): number {
  return product.log().filter((line) => line.includes('listener lost: ')).length;
}

/** Restarts come a minute apart; in a sample: none comes within some seconds. */
async function isTriedSlowly(scene: Scene): Promise<void> {
  const size = (): number => readIfExists(scene.product.paths.log)?.length ?? 0;
  const [before, bytes] = [deaths(scene), size()];
  if (!scene.full) {
    await sleep(4_000);
    assert.equal(deaths(scene), before, 'it was restarted all the same');
    return;
  }
  for (let count = before; count < 20; count += 1) {
    const lastMs = nowMs();
    await waitFor(() => deaths(scene) > count, 'the next try');
    if (count > before) assert.ok(nowMs() - lastMs > 55_000, 'more than one a minute');
    assert.ok(await getsIn(scene.lab, 'client', scene.family), 'it stays tripped');
  }
  assert.ok(size() - bytes < 20 * 500, `the log has grown by ${size() - bytes} bytes`);
}

/**
 * Waits until the capture has seen nothing for two seconds: while an interface is young, the kernel's own multicast reports
 * reach it. Gives a moment before the last packet.
 */
async function untilQuiet(product: Product): Promise<number> {
  let [packets, beforeMs, sinceMs] = [-1, nowMs(), nowMs()];
  await waitFor(async () => {
    const askedMs = nowMs();
    const { listener } = await product.status();
    if (listener?.packets !== packets) sinceMs = beforeMs;
    packets = listener?.packets ?? -1;
    beforeMs = askedMs;
    return askedMs - sinceMs > 2_000;
  }, 'two seconds without a packet');
  return sinceMs;
}

// With deafness not looked for (run once, 2026-11-21): red.
const deaf: Row = {
  number: 36,
  fault: 'listener lives and beats, but hears nothing',
  promise: 'killed after listener_timeout, trips, armed when it hears again',
  // With doors of UDP no TCP is captured: what a stranger sends would show that it hears.
  doors: DOORS.replace('7000,8000,9000', '7000:udp,8000:udp,9000:udp'),
  run: async (scene) => {
    const { lab, product, stranger } = scene;
    const first = product.identity('listener');
    // Nothing gets out to the loopback any more; all else goes on, the beats included.
    const rule = ['-I', 'OUTPUT', '-o', 'lo', '-p', 'udp', '-j', 'DROP'];
    await lab.iptables('server', 4, rule);
    const beganMs = await untilQuiet(product);
    const measured = await stranger.getsIn(beganMs, LISTENER_MS + 3_000 + 1_000);
    await product.waitForLog(
      /listener lost: deaf: no self-knock came back for \d s \(it could not be sent: .*\); started again/,
    );
    assert.ok(first !== undefined && !lives(first), 'killed');
    await lab.iptables('server', 4, rule.with(0, '-D'));
    await scene.isArmed(undefined);
    return measured;
  },
};

// Without restarts (run once, 2026-11-21): red.
const noAccount: Row = {
  number: 37,
  fault: 'the listener’s account is removed while it runs, then the listener dies',
  promise: 'trips, says why; armed by itself once the account is back',
  families: 'one',
  run: async (scene) => {
    const { lab, product, stranger } = scene;
    const passwd = `${lab.dir}/passwd`;
    await scene.must('/bin/sh', '-c', `sed /^nobody:/d /etc/passwd >${passwd}`);
    const inside = ['/usr/bin/nsenter', '--mount', `--target=${scene.supervisor}`, '--'];
    await scene.must(...inside, '/bin/mount', '--bind', passwd, '/etc/passwd');
    const beganMs = nowMs();
    await product.kill('listener');
    const measured = await stranger.getsIn(beganMs, LISTENER_MS + 3_000 + 1_000);
    await product.waitForLog(/listener lost: .*nobody does not exist/);
    await scene.must(...inside, '/bin/umount', '/etc/passwd');
    await scene.isArmed(undefined);
    await scene.doorWorks();
    return measured;
  },
};

// With an unknown account taken for nobody (run once, 2026-11-21): red.
const unknownAccount: Row = {
  number: 38,
  fault: 'start and reload with an account that does not exist',
  promise: 'start takes all back; reload stays with the old one',
  families: 'one',
  unstarted: true,
  run: async (scene) => {
    const { lab, product, backend } = scene;
    const nobody = ssh(backend, '', '[listener]\nuser = no-such-user\n');
    product.configure(nobody);
    const start = await product.ctl(['start']);
    assert.ok([69, 78].includes(start.exitCode), String(start.exitCode));
    assert.match(start.stderr, /no-such-user/);
    assert.equal(await jumps(lab, 4), 0);
    product.configure(ssh(backend));
    await product.start();
    await scene.isArmed();
    const [beganMs, listener] = [nowMs(), product.identity('listener')];
    product.configure(nobody);
    const reload = await product.ctl(['reload']);
    assert.notEqual(reload.exitCode, 0);
    assert.match(reload.stderr, /no-such-user/);
    assert.deepEqual(product.identity('listener'), listener);
    await scene.isArmed();
    await neverTripped(scene, beganMs, 'at a reload that was refused');
    await scene.doorWorks();
    product.configure(ssh(backend));
    return {};
  },
};

export const LISTENER_ROWS: readonly Row[] = [killed, stopped, exits, deaf, noAccount, unknownAccount];
