/** Row 30: the interface that knocks come by goes, and comes again. */
import assert from 'node:assert/strict';

import { ADDRESS, SERVER_INTERFACE } from '../../helpers/lab.js';
import { ssh } from '../../e2e-faults/setting.js';
import type { Measured, Row } from '../row.js';
import type { Scene } from '../scene.js';
import { nowMs } from '../../helpers/promise.js';
import { neverTripped } from './listener.js';

const NAME = SERVER_INTERFACE.client2;

async function deleted(scene: Scene): Promise<void> {
  await scene.must('/usr/sbin/ip', 'link', 'del', NAME);
}

/** As createLab makes it, between server and client2. */
async function madeAnew({ lab }: Scene): Promise<void> {
  const up = (device: string, address: (typeof ADDRESS)['server2' | 'client2']): string[] => [
    `addr add ${address[4]}/24 dev ${device}`,
    `addr add ${address[6]}/64 dev ${device} nodad`,
    `link set ${device} up`,
  ];
  const batch = async (place: 'server' | 'client2', lines: readonly string[]): Promise<void> => {
    const done = await lab.exec(place, ['/usr/sbin/ip', '-batch', '-'], { input: `${lines.join('\n')}\n` });
    assert.equal(done.exitCode, 0, done.stderr);
  };
  await batch('server', [
    `link add ${NAME} type veth peer name eth0 netns ${lab.namespace.client2}`,
    ...up(NAME, ADDRESS.server2),
  ]);
  await batch('client2', [
    ...up('eth0', ADDRESS.client2),
    `route add default via ${ADDRESS.server2[4]}`,
    `route add default via ${ADDRESS.server2[6]}`,
  ]);
}

async function underAny(scene: Scene): Promise<void> {
  const { product } = scene;
  const [beganMs, listener] = [nowMs(), product.identity('listener')];
  await deleted(scene);
  await madeAnew(scene);
  await scene.doorWorks();
  assert.deepEqual(product.identity('listener'), listener, 'any: nothing was to be restarted');
  await neverTripped(scene, beganMs, 'while an interface went, and any is captured');
}

async function underItsName(scene: Scene): Promise<Measured> {
  const { product, stranger, backend } = scene;
  product.configure(ssh(backend, '', `[listener]\ninterface = ${NAME}\n`));
  await product.must('reload');
  assert.deepEqual((await product.status()).listener?.interfaces, [NAME]);
  await scene.doorWorks();
  const goneMs = nowMs();
  await deleted(scene);
  const measured = await stranger.getsIn(goneMs, 6_000);
  assert.match((await product.ctl(['status'])).stdout, new RegExp(NAME));
  const backMs = nowMs();
  await madeAnew(scene);
  await scene.isArmed(undefined);
  assert.deepEqual((await product.status()).listener?.interfaces, [NAME]);
  const words = `heard again after ${((nowMs() - backMs) / 1_000).toFixed(1)} s`;
  await scene.doorWorks();
  return { ...measured, words };
}

// With interfaces that are not waited for (run once, 2026-11-21): red.
const anew: Row = {
  number: 30,
  fault: 'interface deleted and made anew, under an `any` capture and under a named one',
  promise: 'heard again without help; tripped while a named one is away',
  run: async (scene) => {
    await underAny(scene);
    return underItsName(scene);
  },
};

export const INTERFACE_ROWS: readonly Row[] = [anew];
