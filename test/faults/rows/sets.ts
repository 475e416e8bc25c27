/** Rows of our own: others empty, destroy or replace our sets. */
import assert from 'node:assert/strict';

import { ADDRESS } from '../../helpers/lab.js';
import { happensWithin, waitFor } from '../../helpers/wait.js';
import { FAMILIES, getsIn, kernel, ssh } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';
import { repaired } from './rules.js';

async function holds({ lab }: Scene, held: string): Promise<void> {
  const now = async (): Promise<string> => await kernel(lab);
  const is = async (): Promise<boolean> => (await now()) === held;
  // What is wrong still shows in the comparison.
  if (!(await happensWithin(is, 60_000))) assert.equal(await now(), held);
}

// Without feeding at heartbeats (run once, 2026-11-21): red.
const emptied: Row = {
  number: 50,
  touchesRules: true,
  fault: 'the switch emptied by somebody',
  promise: 'fed again within a heartbeat',
  families: 'one',
  run: async (scene) => {
    await scene.must('/usr/sbin/ipset', 'flush', 'ssh_alive');
    const measured = await scene.stranger.isShutOut(nowMs(), 1_000);
    await scene.isArmed();
    return measured;
  },
};

// With sets that are not looked at (run once, 2026-11-21): red.
const destroyed: Row = {
  number: 51,
  touchesRules: true,
  fault: 'chains and sets destroyed, one made of another kind',
  promise: 'built anew within a heartbeat, armed again',
  families: 'one',
  run: async (scene) => {
    const { lab, backend } = scene;
    const held = await kernel(lab);
    // In one go, so that no check comes between.
    const tools = FAMILIES.map((family) => `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${backend}`);
    const commands = [...tools.flatMap((tool) => [`${tool} -F`, `${tool} -X`]), '/usr/sbin/ipset destroy'];
    const script = commands.join('; ');
    const done = async (): Promise<boolean> =>
      (await lab.exec('server', ['/bin/sh', '-c', script])).exitCode === 0;
    await waitFor(done, 'the sets to be destroyed between two checks');
    await lab.exec('server', ['/usr/sbin/ipset', 'create', 'ssh_filter4', 'hash:ip,port']);
    const beganMs = nowMs();
    await holds(scene, held);
    await scene.isArmed();
    return { words: `armed after ${((nowMs() - beganMs) / 1_000).toFixed(1)} s` };
  },
};

// With a trusted list that is not applied at health checks (run once, 2026-11-21): red.
const distrusted: Row = {
  number: 52,
  touchesRules: true,
  fault: 'the trusted set emptied by hand',
  promise: 'whom the file trusts is let in again at the next health check',
  families: 'both',
  conf: (backend) => ssh(backend, '', '[health]\nschedule = */1 * * * * *\n'),
  trusted: `${ADDRESS.client2[4]} # stays\n${ADDRESS.client2[6]} # stays\n`,
  run: async (scene) => {
    const { lab, family } = scene;
    const held = await kernel(lab);
    assert.ok(await getsIn(lab, 'client2', family));
    await scene.must('/usr/sbin/ipset', 'flush', `ssh_trusted${family}`);
    const beganMs = nowMs();
    await waitFor(async () => getsIn(lab, 'client2', family), 'the trusted to be let in again');
    const measured = scene.within(beganMs, 2_000, 'until the trusted got in');
    await repaired(scene, held);
    return measured;
  },
};

export const SET_ROWS: readonly Row[] = [emptied, destroyed, distrusted];
