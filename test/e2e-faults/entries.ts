import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { ListName } from '../../src/base/lists.js';
import type { ListedEntry } from '../../src/wire/reports.js';
import type { Lab } from '../helpers/lab.js';
import { inMountNamespace } from '../helpers/node-child.js';
import type { Product } from '../helpers/product.js';

const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export interface Held {
  readonly service: string;
  readonly address: string;
  /** Seconds; null: for ever. */
  readonly timeout: number | null;
  readonly by: string;
}

/** What was in lists at some moment of a span: on a busy machine a look takes its time. */
export interface Look {
  readonly entries: readonly Held[];
  readonly fromMs: number;
  readonly toMs: number;
}

/** What the kernel holds in lists, in an order of its own. */
export async function look(product: Product, lists: readonly ListName[]): Promise<Look> {
  const fromMs = performance.now();
  const listed: readonly ListedEntry[] = await product.list();
  const entries = listed
    .filter(({ list }) => lists.includes(list))
    .map(({ service, address, timeout, by }) => ({ service, address, timeout, by }))
    .sort((a, b) => `${a.service} ${a.address}`.localeCompare(`${b.service} ${b.address}`));
  return { entries, fromMs, toMs: performance.now() };
}

/** The same entries, each with what is left of it, give or take 2 s; and never more than it had. */
export function assertLeft(now: Look, before: Look): void {
  const names = ({ entries }: Look): string[] =>
    entries.map(({ service, address, by }) => `${service}: ${address} by ${by}`);
  assert.deepEqual(names(now), names(before));
  const least = (now.fromMs - before.toMs) / 1000;
  const most = (now.toMs - before.fromMs) / 1000;
  for (const [index, { address, timeout }] of now.entries.entries()) {
    const had = before.entries[index]?.timeout ?? null;
    if (had === null || timeout === null) {
      assert.equal(timeout, had, `${address}: for ever stays for ever, and nothing else becomes so`);
      continue;
    }
    const what = `${address}: had ${had} s, ${least.toFixed(1)} to ${most.toFixed(1)} s passed, has ${timeout} s`;
    // ipset tells whole seconds: it may have had nearly one more, and it may have one more now.
    assert.ok(timeout > had - most - 3, `${what}: too short`);
    assert.ok(timeout <= had && timeout < had - least + 1, `${what}: too long`);
  }
}

/**
 * What a power cut and a boot leave: no process, no rules, no sets, no run folder, another boot id. The product's next
 * commands are of that boot.
 */
export async function reboot(lab: Lab, product: Product): Promise<void> {
  await product.kill('supervisor');
  const listed = await lab.exec('server', ['/usr/sbin/ip', 'netns', 'pids', lab.namespace.server]);
  assert.equal(listed.exitCode, 0);
  for (const family of [4, 6] as const) {
    await lab.iptables('server', family, ['-F']);
    await lab.iptables('server', family, ['-X']);
  }
  await lab.waitFor(
    async () => (await lab.exec('server', ['/usr/sbin/ipset', 'destroy'])).exitCode === 0,
    'the sets to be gone',
  );
  rmSync(product.paths.run, { recursive: true });
  const file = join(lab.dir, 'boot_id');
  writeFileSync(file, `${randomUUID()}\n`);
  product.before = inMountNamespace(`mount --bind ${file} ${BOOT_ID}`);
}
