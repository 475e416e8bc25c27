/** A reload changes the times of [failsafe] for a listener that runs on, too. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { createLab } from '../helpers/lab.js';
import { Product } from '../helpers/product.js';
import { DOORS } from './setting.js';

const times = (heartbeatS: number, listenerTimeoutS: number): string =>
  `[failsafe]\nheartbeat = ${heartbeatS}\nswitch_timeout = 60\nlistener_timeout = ${listenerTimeoutS}\n`;

// Red with the heartbeat of the start kept by the listener's supervisor: no self-knock within the limit of 25 s.
test('a reload to shorter times: self-knocks come as often, and a stopped listener is given up as soon', async () => {
  await using lab = await createLab({ backend: 'nft' });
  const conf = '[firewall]\nbackend = nft\n[service.ssh]\nports = 22\n';
  const product = new Product(lab, { conf: times(30, 50) + conf, doors: DOORS });
  await product.start();
  product.configure(times(1, 2) + conf);
  await product.must('reload');
  const asked = async (): Promise<number> => (await product.status()).listener?.selfKnock?.asked ?? 0;
  const before = await asked();
  const beganMs = performance.now();
  await lab.waitFor(async () => (await asked()) >= before + 3, 'three more self-knocks');
  const tookMs = performance.now() - beganMs;
  assert.ok(
    tookMs < 25_000,
    `${Math.round(tookMs)} ms for three self-knocks, as with the heartbeat of before`,
  );
  product.signal('listener', 'SIGSTOP');
  await product.waitForLog(/listener lost: not heard for [2-9] s|listener lost: deaf: .* [2-9] s/);
});
