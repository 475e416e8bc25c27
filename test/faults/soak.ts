/** An hour of faults and repairs in ten minutes, in one life of a supervisor: nothing of it may be left in its memory. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

import { ADDRESS } from '../helpers/lab.js';
import { files, kernel, residentKb, running, SEQUENCE, ssh } from '../e2e-faults/setting.js';
import { ask, follow } from './control.js';
import { evaluate } from './node-inspect.js';
import type { Measured, Row } from './row.js';
import type { Scene } from './scene.js';
import { nowMs } from '../helpers/promise.js';

/** Growth that is none: what the collector and the allocator keep for themselves, and the bounded journal. */
const HEAP_LIMIT_KB = 6 * 1024;
const RSS_LIMIT_KB = 32 * 1024;

/** What a supervisor holds of the machine. */
interface Holding {
  readonly rssKb: number;
  readonly heapKb: number;
  readonly descriptors: number;
  readonly children: number;
  /** Handles and timers of its event loop, by kind. */
  readonly resources: ReadonlyMap<string, number>;
}

const HEAP = `(() => {
  process.getBuiltinModule('node:v8').setFlagsFromString('--expose_gc');
  const gc = process.getBuiltinModule('node:vm').runInNewContext('gc');
  gc(); gc();
  return String(Math.round(process.memoryUsage().heapUsed / 1024));
})()`.replaceAll(/\s+/g, ' ');

/** Looked at when all that was begun is done. */
async function holding({ lab, supervisor }: Scene): Promise<Holding> {
  await sleep(1_500);
  const kinds = (await evaluate(lab, supervisor, 'process.getActiveResourcesInfo().join()')).replaceAll(
    "'",
    '',
  );
  const resources = new Map<string, number>();
  for (const kind of kinds.split(',')) resources.set(kind, (resources.get(kind) ?? 0) + 1);
  const heapKb = Number((await evaluate(lab, supervisor, HEAP)).replaceAll("'", ''));
  const children = ['knockctl: listener', 'ipset -exist -', 'nft monitor'];
  const counts = await Promise.all(children.map(async (words) => (await running(lab, words)).length));
  return {
    rssKb: residentKb(supervisor),
    heapKb,
    descriptors: files(`/proc/${supervisor}/fd`).length,
    children: counts.reduce((sum, count) => sum + count, 0),
    resources,
  };
}

/** A deed, and how many seconds there must be from one to the next: policy slows down what comes too often. */
interface Deed {
  readonly everyS: number;
  readonly act: (scene: Scene, round: number) => Promise<unknown>;
}

const DEEDS: readonly Deed[] = [
  { everyS: 20, act: async ({ product }) => product.kill('listener') },
  { everyS: 16, act: async ({ lab, family }) => lab.iptables('server', family, ['-F']) },
  { everyS: 2, act: async (scene) => scene.must('/usr/sbin/ipset', 'flush', 'ssh_alive') },
  { everyS: 3, act: async (scene) => scene.must('/usr/sbin/ipset', 'flush', `ssh_filter${scene.family}`) },
  { everyS: 6, act: async ({ product }) => answers(product.ctl(['reload'])) },
  { everyS: 9, act: badConfiguration },
  { everyS: 0, act: verbs },
  { everyS: 4, act: async ({ product }) => floodOfCommands(product) },
  { everyS: 3, act: followers },
  { everyS: 2, act: async ({ lab, server }) => lab.knock('client2', server, SEQUENCE) },
  { everyS: 12, act: channelKilled },
];

/** A verb may come while another is under way: busy is an answer. */
async function answers(done: Promise<{ readonly exitCode: number; readonly stderr: string }>): Promise<void> {
  const { exitCode, stderr } = await done;
  assert.ok([0, 1, 69, 75].includes(exitCode), `${exitCode}: ${stderr}`);
}

async function verbs({ product }: Scene, round: number): Promise<void> {
  const block = round % 200;
  const targets = Array.from({ length: 50 }, (_, index) => `198.18.${block}.${index}`);
  await ask(product, { verb: 'accept', targets, timeoutS: 30 });
  await ask(product, { verb: 'drop', targets: targets.slice(0, 10), timeoutS: 30 });
  await ask(product, { verb: 'status' });
  await ask(product, { verb: 'flush', targets });
  await ask(product, { verb: 'accept', targets: ['localhost'] });
}

async function floodOfCommands(product: Scene['product']): Promise<void> {
  await Promise.all(Array.from({ length: 150 }, async () => ask(product, { verb: 'status' })));
}

async function badConfiguration({ product, backend }: Scene): Promise<void> {
  product.configure('[nonsense]\nkey = 1\n');
  assert.equal((await product.ctl(['reload'])).exitCode, 78);
  product.configure(conf(backend));
}

async function followers({ product }: Scene): Promise<void> {
  const ends = Array.from({ length: 10 }, (_, index) => follow(product, index % 2 === 0));
  await sleep(300);
  for (const end of ends) end();
}

async function channelKilled({ lab }: Scene): Promise<void> {
  const pid = (await running(lab, 'ipset -exist -')).at(-1); // the youngest: one that was forgotten must be found at the end
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
}

async function stir(scene: Scene, forMs: number): Promise<number> {
  const endMs = nowMs() + forMs;
  const due = DEEDS.map(({ everyS }) => nowMs() + 1_000 * Math.min(everyS, 4) * scene.random());
  let count = 0;
  while (nowMs() < endMs) {
    for (const [index, { everyS, act }] of DEEDS.entries()) {
      if (nowMs() < (due[index] ?? 0)) continue;
      await act(scene, count);
      due[index] = nowMs() + 1_000 * everyS;
      count += 1;
    }
    scene.stranger.forget(nowMs() - 1_000);
    await sleep(20);
  }
  return count;
}

function compare(before: Holding, after: Holding): void {
  const heapKb = after.heapKb - before.heapKb;
  const rssKb = after.rssKb - before.rssKb;
  assert.ok(heapKb < HEAP_LIMIT_KB, `the heap grew by ${heapKb} kB`);
  assert.ok(rssKb < RSS_LIMIT_KB, `the resident memory grew by ${rssKb} kB`);
  assert.ok(
    after.descriptors <= before.descriptors,
    `descriptors: ${before.descriptors} → ${after.descriptors}`,
  );
  assert.equal(after.children, before.children, 'children');
  for (const [kind, count] of after.resources) {
    const was = before.resources.get(kind) ?? 0;
    // A look at the rules or a restart may be under way: a timer or two of its own.
    const mayBe = kind === 'Timeout' ? was + 2 : was;
    assert.ok(count <= mayBe, `${kind}: ${was} → ${count}`);
  }
}

/** What comes again and again must not be slowed down by the policy against it. */
function conf(backend: Scene['backend']): string {
  return ssh(backend).replace('listener_timeout = 2', 'listener_timeout = 2\nmax_restarts = 1000');
}

async function run(scene: Scene): Promise<Measured> {
  const { product } = scene;
  const pid = scene.supervisor;
  const held = await kernel(scene.lab);
  const warmMs = scene.full ? 60_000 : 5_000;
  let count = await stir(scene, warmMs);
  const before = await holding(scene);
  count += await stir(scene, scene.full ? 540_000 : 6_000);
  await product.must('flush', 'all');
  await scene.isArmed(held);
  const after = await holding(scene);
  compare(before, after);
  assert.equal(scene.supervisor, pid, 'one life of a supervisor');
  await product.must('accept', ADDRESS.client2[scene.family], '--timeout', '60');
  await scene.session.goesOn();
  const mb = (kb: number): string => (kb / 1024).toFixed(1);
  const resident = `resident ${mb(before.rssKb)} → ${mb(after.rssKb)} MB, heap ${mb(before.heapKb)} → ${mb(after.heapKb)} MB`;
  return { words: `${count} deeds; ${resident}; ${before.descriptors} → ${after.descriptors} descriptors` };
}

/** `npm run test:soak`; ten minutes in full, and half a minute as a sample. */
export const SOAK_ROW: Row = {
  number: 60,
  fault: 'an hour of faults and repairs in ten minutes',
  promise: 'memory, descriptors, children, timers: no more than before',
  families: 'one',
  fullOnce: true,
  conf,
  run,
};
