/** Rows 26, 27 and 29: what must not be noticed by those who are in, or must not trip. */
import assert from 'node:assert/strict';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { ADDRESS } from '../../helpers/lab.js';
import { PORT, ssh } from '../../e2e-faults/setting.js';
import type { Row } from '../row.js';
import { nowMs } from '../../helpers/promise.js';
import { neverTripped } from './listener.js';

// With a jump for established packets too (run once, 2026-11-21): red.
const before: Row = {
  number: 26,
  fault: 'a session opened before the first start; one more that is idle throughout',
  promise: 'go on through start, ban of their address, restart, stop',
  run: async (scene) => {
    const { lab, product, family } = scene;
    // Opened by way of a verb here, for the port is shut by now; it says nothing until the end.
    await product.must('accept', ADDRESS.client2[family]);
    const idle = await lab.openSession('client2', scene.server, PORT);
    await product.must('drop', ADDRESS.client2[family], ADDRESS.client[family]);
    await scene.session.goesOn();
    await product.must('restart');
    await scene.session.goesOn();
    await product.must('flush', 'all');
    await product.stop();
    await scene.session.goesOn();
    await product.start();
    await scene.isArmed();
    await scene.session.goesOn();
    assert.ok(await idle.echo('after all that'), 'the idle one');
    return {};
  },
};

// With conntrack’s NEW in place of --syn (run once, 2026-11-21): red.
const conntrack: Row = {
  number: 27,
  fault: 'conntrack -F in mid-session',
  promise: 'goes on',
  run: async (scene) => {
    const beganMs = nowMs();
    const times = scene.full ? 50 : 5;
    for (let round = 0; round < times; round += 1) {
      for (const name of ['ipv4', 'ipv6']) {
        const done = await scene.lab.exec('server', ['/usr/sbin/conntrack', '-F', '-f', name]);
        assert.equal(done.exitCode, 0, done.stderr);
      }
      await scene.session.goesOn();
    }
    await neverTripped(scene, beganMs, 'while connections were forgotten');
    return { words: `${times} times` };
  },
};

// With a listener_timeout of 0.7 s (run once, 2026-11-21): red.
const busy: Row = {
  number: 29,
  fault: 'all cores busy for minutes',
  promise: 'no trip at switch_timeout = 30',
  families: 'one',
  conf: (backend) =>
    ssh(backend)
      .replace('switch_timeout = 3', 'switch_timeout = 30')
      .replace('heartbeat = 1', 'heartbeat = 5')
      .replace('listener_timeout = 2', 'listener_timeout = 10'),
  run: async (scene) => {
    const { lab, product } = scene;
    const beganMs = nowMs();
    const listener = product.identity('listener');
    const loops = Array.from({ length: 3 * cpus().length }, () =>
      lab.spawn('server', ['/bin/sh', '-c', 'while :; do :; done']),
    );
    let least = Infinity;
    while (nowMs() - beganMs < (scene.full ? 180_000 : 20_000)) {
      const { state, services } = await product.status();
      assert.equal(state, 'armed');
      least = Math.min(least, services[0]?.switchLeft ?? 0);
      await sleep(500);
    }
    await neverTripped(scene, beganMs, 'while all cores were busy');
    for (const loop of loops) await loop.kill();
    assert.deepEqual(product.identity('listener'), listener, 'the same listener');
    assert.ok(least > 10, `once only ${least} s were left`);
    return { words: `never less than ${least} s left in the switch` };
  },
};

export const SESSION_ROWS: readonly Row[] = [before, conntrack, busy];
