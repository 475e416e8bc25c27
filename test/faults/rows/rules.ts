/** Rows 15 to 18: others undo our rules. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { readIfExists } from '../../../src/system/files.js';
import type { Backend } from '../../helpers/lab.js';
import { happensWithin } from '../../helpers/wait.js';
import { getsIn, jumps, kernel, PORT, running, ssh } from '../../e2e-faults/setting.js';
import { COMBINATIONS, type Measured, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs, slower, type Kept } from '../../helpers/promise.js';

const [NFT4, LEGACY6, LEGACY4, NFT6] = COMBINATIONS;

/** No heartbeat and no health check comes while a row looks: nft's monitor alone must do it. */
const SLOW = `[failsafe]
heartbeat = 600
switch_timeout = 2000
listener_timeout = 700
[health]
schedule = 0 0 1 1 *
`;

/** nft: by its monitor. legacy has nothing that tells of changes: at the next heartbeat. */
const REPAIRED_MS: Readonly<Record<Backend, number>> = { nft: 1_000, legacy: 1_000 };

const monitorOnly = (backend: Backend): string =>
  backend === 'legacy' ? ssh(backend) : `${SLOW}[firewall]\nbackend = nft\n[service.ssh]\nports = ${PORT}\n`;

export function tool({ backend, family }: Scene, verb = ''): string {
  return `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}${verb}`;
}

/** The kernel holds that again, and the state is armed; a sample of promises that a look back could miss. */
export async function repaired(scene: Scene, held: string): Promise<void> {
  const isRight = async (): Promise<boolean> => (await kernel(scene.lab)) === held;
  // What is wrong still shows in the comparison.
  if (!(await happensWithin(isRight, 60_000))) assert.equal(await kernel(scene.lab), held);
  assert.equal(await jumps(scene.lab, scene.family), 1);
  await scene.entersState('armed');
}

/** Does it, and tells how long it took until the port was shut again. */
async function undo(scene: Scene, deed: () => Promise<unknown>, held: string): Promise<Kept> {
  await deed();
  const kept = await scene.stranger.isShutOut(nowMs(), REPAIRED_MS[scene.backend]);
  await repaired(scene, held);
  await scene.session.goesOn();
  return kept;
}

/** What somebody else's whole ruleset looks like, from before our start. */
const FOREIGN = ['-A', 'INPUT', '-p', 'udp', '--dport', '5353', '-j', 'ACCEPT'];

// With nft’s monitor not listened to; on legacy, with no look at heartbeats (run once, 2026-11-21): red.
const flushed: Row = {
  number: 15,
  touchesRules: true,
  fault: 'iptables -F · -F; -X · a foreign full restore · one chain · the jump',
  promise: 'repaired, one jump; on nft the culprit is named',
  sample: [NFT6, LEGACY4],
  conf: monitorOnly,
  unstarted: true,
  prepare: async ({ lab, family }) => {
    await lab.iptables('server', family, FOREIGN);
  },
  run: async (scene) => {
    const { lab, product, family } = scene;
    const foreign = await lab.save('server', family);
    await product.start();
    await scene.stranger.isShutOut(nowMs(), 2_000);
    const held = await kernel(lab);
    const restore = async (input: string, ...args: string[]): Promise<void> => {
      const done = await lab.exec('server', [tool(scene, '-restore'), ...args], { input });
      assert.equal(done.exitCode, 0, done.stderr);
    };
    const again = FOREIGN.join(' ');
    const deeds: readonly (() => Promise<unknown>)[] = [
      async () =>
        lab.iptables(
          'server',
          family,
          family === 4 ? ['-F', 'ssh_policy'] : ['-I', 'ssh_policy', '-j', 'ACCEPT'],
        ),
      async () => restore(`*filter\n-F\n${again}\nCOMMIT\n`, '--noflush'),
      async () => restore(`*filter\n-F\n-X\n${again}\nCOMMIT\n`, '--noflush'),
      async () => restore(foreign),
      async () => lab.iptables('server', family, ['-D', 'INPUT', '1']),
    ];
    let slowest: Kept = { ms: 0, limitMs: REPAIRED_MS[scene.backend], lostMs: 0 };
    for (const deed of deeds) slowest = slower(slowest, await undo(scene, deed, held));
    const { repairs } = await product.status();
    assert.equal(repairs.count, deeds.length);
    if (scene.backend === 'nft') {
      assert.match(repairs.last ?? '', /; changed by ip6?tables(?:-nft)? \(pid \d+\)$/);
    }
    return slowest;
  },
};

// With nft’s monitor not listened to (run once, 2026-11-21): red.
const flushedRuleset: Row = {
  number: 16,
  touchesRules: true,
  fault: 'nft flush ruleset',
  promise: 'nft: repaired, nft named; legacy: nothing happens',
  sample: [NFT4, LEGACY6],
  conf: monitorOnly,
  run: async (scene) => {
    const { lab, product } = scene;
    const held = await kernel(lab);
    const beganMs = nowMs();
    const flush = async (): Promise<unknown> => scene.must('/usr/sbin/nft', 'flush', 'ruleset');
    if (scene.backend === 'legacy') {
      await flush();
      await sleep(2_000);
      scene.stranger.neverGotIn(beganMs, 'after nft flush ruleset');
      assert.equal(await kernel(lab), held);
      assert.equal((await product.status()).repairs.count, 0);
      return { words: 'nothing happened' };
    }
    const measured = await undo(scene, flush, held);
    await product.waitForLog(/repaired: .*; changed by nft \(pid \d+\)$/);
    assert.match((await product.status()).repairs.last ?? '', /; changed by nft \(pid \d+\)$/);
    await product.stop();
    assert.deepEqual(await running(lab, 'nft monitor'), [], 'the monitor has ended too');
    return measured;
  },
};

/** Clock ticks (10 ms each) that a process and those that it has waited for have used (proc(5)). */
function ticks(pid: number): number {
  const fields = (readIfExists(`/proc/${pid}/stat`) ?? '').replace(/^.*\) /, '').split(' ');
  return [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
}

async function share(pid: number, forMs: number): Promise<number> {
  const [before, beganMs] = [ticks(pid), nowMs()];
  await sleep(forMs);
  return ((ticks(pid) - before) * 10) / (nowMs() - beganMs);
}

// With a fight that is fought for ever (run once, 2026-11-21): red.
const fought: Row = {
  number: 17,
  touchesRules: true,
  fault: 'a loop that flushes 10 times a second',
  promise: 'contested; CPU under 5 %; culprit in the log',
  families: 'one',
  sample: [NFT4, LEGACY6],
  run: async (scene) => {
    const { lab, product } = scene;
    const beganMs = nowMs();
    const loop = lab.spawn('server', [
      '/bin/sh',
      '-c',
      `while :; do ${tool(scene)} -F INPUT; sleep 0.1; done`,
    ]);
    await scene.entersState('contested');
    const ms = nowMs() - beganMs;
    const used = await share(scene.supervisor, scene.full ? 30_000 : 4_000);
    assert.ok(used < 0.05, `it used ${(100 * used).toFixed(1)} % of a core`);
    assert.ok(await getsIn(lab, 'client', scene.family), 'not fed: on_failure');
    const name = scene.family === 4 ? 'iptables' : 'ip6tables';
    const culprit =
      scene.backend === 'nft' ? new RegExp(`by ${name}(?:-nft)? \\(pid \\d+\\)`) : /who did it is not known/;
    assert.match((await product.status()).reason, culprit);
    await product.waitForLog(culprit);
    assert.equal((await product.ctl(['status'])).exitCode, 150);
    await loop.kill();
    if (scene.full) await scene.isArmed(undefined);
    const words = `contested after ${(ms / 1_000).toFixed(1)} s, ${(100 * used).toFixed(1)} % of a core`;
    return { words };
  },
};

/** Everything that others may have beside us. */
async function addForeign(scene: Scene): Promise<void> {
  const { lab, family } = scene;
  const family6 = family === 6 ? ' family inet6' : '';
  await scene.must('/bin/sh', '-c', `/usr/sbin/ipset create foreign hash:ip${family6} timeout 0`);
  const rules = [
    '-N foreign',
    '-A foreign -m set --match-set foreign src -j DROP',
    '-A foreign -p tcp --dport 2222 -m comment --comment "not knockctl:ssh" -j RETURN',
    '-A INPUT -p udp --dport 53 -j DROP',
    '-A INPUT -j foreign',
    '-A FORWARD -j foreign',
    '-A OUTPUT -p tcp --dport 25 -j REJECT',
    '-t mangle -A PREROUTING -p udp -j MARK --set-mark 7',
  ];
  for (const rule of rules)
    await lab.iptables('server', family, rule.replaceAll('"', '').split(/ (?!knock)/));
}

/** Five repairs within a minute are no fight yet: then another supervisor has to take over. */
const REPAIRS_A_LIFE = 5;

async function deeds(scene: Scene): Promise<readonly (readonly string[])[]> {
  const rules = (await scene.lab.iptables('server', scene.family, ['-S', 'INPUT'])).split('\n');
  const jump = (rules.find((line) => line.includes('ssh_policy')) ?? '').replaceAll('"', '').split(' ');
  return [
    jump, // a second one
    ['-I', 'ssh_policy', '-j', 'ACCEPT'],
    ['-D', 'INPUT', '1'],
    ['-F', 'ssh_banned'],
    ['-A', 'ssh_filter', '-s', '192.0.2.77', '-j', 'ACCEPT'].map((word) =>
      scene.family === 6 ? word.replace('192.0.2.77', '2001:db8::77') : word,
    ),
  ];
}

// With a repair, and with a removal, that flushes INPUT (each run once, 2026-11-21): red.
const foreign: Row = {
  number: 18,
  touchesRules: true,
  fault: 'foreign rules added beside ours, 100 repairs',
  promise: 'untouched after 100 repairs and after stop',
  prepare: addForeign,
  run: async (scene): Promise<Measured> => {
    const { lab, product } = scene;
    const added = ['INPUT', '-p', 'icmp', '-m', 'comment', '--comment', 'added later', '-j', 'ACCEPT'];
    await lab.iptables('server', scene.family, ['-A', ...added]);
    const held = await kernel(lab);
    const todo = await deeds(scene);
    const lives = scene.full ? 100 / REPAIRS_A_LIFE : 1;
    for (let life = 0; life < lives; life += 1) {
      if (life > 0) await product.must('restart');
      for (const [index, deed] of todo.entries()) {
        await lab.iptables('server', scene.family, deed);
        await product.waitForLog(/repaired: /, life * todo.length + index + 1);
        await repaired(scene, held);
      }
    }
    await lab.iptables('server', scene.family, ['-D', ...added]);
    return { words: `${lives * todo.length} repairs` };
  },
};

export const RULES_ROWS: readonly Row[] = [flushed, flushedRuleset, fought, foreign];
