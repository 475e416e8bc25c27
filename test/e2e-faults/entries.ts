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

/** What the kernel holds in lists, in an order of its own. */
export async function held(product: Product, lists: readonly ListName[]): Promise<Held[]> {
  const entries: readonly ListedEntry[] = await product.list();
  return entries
    .filter(({ list }) => lists.includes(list))
    .map(({ service, address, timeout, by }) => ({ service, address, timeout, by }))
    .sort((a, b) => `${a.service} ${a.address}`.localeCompare(`${b.service} ${b.address}`));
}

/** The same entries, each with what is left of it after `passedS`, give or take 2 s; and never more than it had. */
export function assertLeft(now: readonly Held[], before: readonly Held[], passedS: number): void {
  const names = (list: readonly Held[]): string[] =>
    list.map(({ service, address, by }) => `${service}: ${address} by ${by}`);
  assert.deepEqual(names(now), names(before));
  for (const [index, { address, timeout }] of now.entries()) {
    const had = before[index]?.timeout ?? null;
    if (had === null || timeout === null) {
      assert.equal(timeout, had, `${address}: for ever stays for ever, and nothing else becomes so`);
      continue;
    }
    const off = timeout - (had - passedS);
    assert.ok(
      Math.abs(off) <= 2,
      `${address}: had ${had} s, ${passedS.toFixed(1)} s passed, has ${timeout} s`,
    );
    assert.ok(timeout <= had, `${address} got longer: ${timeout} s of ${had} s`);
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
    3_000,
    'the sets to be gone',
  );
  rmSync(product.paths.run, { recursive: true });
  const file = join(lab.dir, 'boot_id');
  writeFileSync(file, `${randomUUID()}\n`);
  product.before = inMountNamespace(`mount --bind ${file} ${BOOT_ID}`);
}
