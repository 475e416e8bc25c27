/** Rows of our own: what the supervisor works with is killed or gets stuck. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { nftReader } from '../../../src/system/netlink.js';
import { waitFor } from '../../helpers/wait.js';
import { kernel, running } from '../../e2e-faults/setting.js';
import { COMBINATIONS, type Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs, slower, type Kept } from '../../helpers/promise.js';
import { neverTripped } from './listener.js';
import { repaired } from './rules.js';

const CHANNEL = 'ipset -exist -';

/** The one process with these words; waits until it is another than `old`. */
async function another(scene: Scene, words: string, old: number): Promise<number> {
  let pid = 0;
  const found = async (): Promise<boolean> => {
    [pid = 0] = (await running(scene.lab, words)).filter((one) => one !== old);
    return pid > 0;
  };
  await waitFor(found, `another process: ${words}`);
  return pid;
}

// With a channel that is not started again (run once, 2026-11-21): red. With lines that are not repeated: red in one run of two,
// with doors in the kernel (100 kills each).
const channelKilled: Row = {
  number: 41,
  fault: 'the ipset channel killed, once a second',
  promise: 'no trip; verbs act',
  touchesRules: true,
  families: 'one',
  run: async (scene) => {
    const { product } = scene;
    const beganMs = nowMs();
    let old = 0;
    for (let round = 0; round < (scene.full ? 100 : 4); round += 1) {
      old = await another(scene, CHANNEL, old);
      process.kill(old, 'SIGKILL');
      await product.must('accept', `192.0.2.${round + 1}`, '--timeout', '60');
      await sleep(1_000 * scene.random());
    }
    await neverTripped(scene, beganMs, 'while the channel was killed');
    await product.must('flush', 'filter');
    return {};
  },
};

// Without a deadline for the channel’s answers (run once, 2026-11-21): red.
const channelHangs: Row = {
  number: 42,
  fault: 'the ipset channel hangs (SIGSTOP)',
  promise: 'ended after 5 s, another feeds; a trip undoes itself',
  families: 'one',
  run: async (scene) => {
    const old = await another(scene, CHANNEL, 0);
    const beganMs = nowMs();
    process.kill(old, 'SIGSTOP');
    await another(scene, CHANNEL, old);
    const measured = scene.within(beganMs, 5_000 + 1_500, 'until another channel feeds');
    await scene.isArmed();
    await scene.doorWorks();
    return measured;
  },
};

// With a monitor that is not started again (run once, 2026-11-21): red.
const monitorKilled: Row = {
  number: 43,
  fault: 'nft monitor killed, again and again; then the supervisor',
  sample: COMBINATIONS.slice(0, 1), // legacy has none
  promise: 'started again; nobody is blamed for foreign rules; ends with the supervisor',
  families: 'one',
  run: async (scene) => {
    const { lab, product, family } = scene;
    if (scene.backend === 'legacy') {
      assert.deepEqual(await running(lab, 'nft monitor'), []);
      return { words: 'legacy has none' };
    }
    const held = await kernel(lab);
    let monitor = 0;
    for (let round = 0; round < (scene.full ? 3 : 1); round += 1) {
      monitor = await another(scene, 'nft monitor', monitor);
      process.kill(monitor, 'SIGKILL');
    }
    monitor = await another(scene, 'nft monitor', monitor);
    const hears = async (): Promise<boolean> =>
      nftReader(monitor, await scene.must('/bin/cat', '/proc/net/netlink')) !== undefined;
    await waitFor(hears, 'the new monitor to hear');
    const rule = ['INPUT', '-p', 'udp', '-j', 'ACCEPT'];
    for (const verb of ['-A', '-D']) await lab.iptables('server', family, [verb, ...rule]);
    await lab.iptables('server', family, ['-F', 'ssh_filter']);
    await product.waitForLog(
      /repaired: chain ssh_filter was changed \(IPv[46]\); changed by ip6?tables-nft /,
    );
    await repaired(scene, held);
    assert.equal((await product.status()).repairs.count, 1);
    await product.kill('supervisor');
    const gone = async (): Promise<boolean> => (await running(lab, 'nft monitor')).length === 0;
    await waitFor(gone, 'the end of the monitor of a dead supervisor');
    await product.must('restartifdead');
    await scene.isArmed(held);
    return {};
  },
};

/** Changes that no buffer of a monitor holds (16 MB; a rule takes 320 bytes of it). */
const RULES = 60_000;

// With a monitor that is believed although it is stopped (run once, 2026-11-22): red.
const monitorDeaf: Row = {
  number: 53,
  fault: 'nft monitor stopped; and stopped until it has lost changes, then set free',
  sample: COMBINATIONS.slice(0, 1), // legacy has none
  promise: 'what it does not tell is found at the next heartbeat',
  families: 'one',
  run: async (scene) => {
    const { lab, family } = scene;
    if (scene.backend === 'legacy') return { words: 'legacy has none' };
    const held = await kernel(lab);
    const monitor = await another(scene, 'nft monitor', 0);
    const flush = async (): Promise<void> => {
      await lab.iptables('server', family, ['-F', 'INPUT']);
    };
    const shut = async (): Promise<Kept> => {
      const kept = await scene.stranger.isShutOut(nowMs(), 2_000);
      await repaired(scene, held);
      return kept;
    };
    await sleep(3_000); // by then heartbeats have no rules to look at any more
    process.kill(monitor, 'SIGSTOP');
    await flush();
    let slowest = await shut();
    if (scene.full) {
      const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-nft-restore`;
      const source = family === 4 ? '198.18.0.1' : '2001:db8::1';
      const input = `*filter\n${`-A FORWARD -s ${source} -j DROP\n`.repeat(RULES)}COMMIT\n`;
      const done = await lab.exec('server', [tool, '--noflush'], { input, timeoutMs: 60_000 });
      assert.equal(done.exitCode, 0, done.stderr);
      await flush();
      process.kill(monitor, 'SIGCONT');
      slowest = slower(slowest, await scene.stranger.isShutOut(nowMs(), 2_000));
      await lab.iptables('server', family, ['-F', 'FORWARD']);
    }
    return slowest;
  },
};

export const HELPER_ROWS: readonly Row[] = [channelKilled, channelHangs, monitorKilled, monitorDeaf];
