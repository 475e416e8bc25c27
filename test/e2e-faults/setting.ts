import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test, type TestContext } from 'node:test';

import type { Family } from '../../src/base/address.js';
import { identify, isAlive } from '../../src/system/process.js';
import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, PEER, type Backend, type Lab, type Place } from '../helpers/lab.js';
import { inTurns } from '../helpers/matrix.js';
import { Product, QUICK, type ProductOptions } from '../helpers/product.js';
import { waitFor } from '../helpers/wait.js';

export const BACKENDS: readonly Backend[] = ['nft', 'legacy'];
export const FAMILIES: readonly Family[] = [4, 6];
/** The protected port, with an echo server behind it. */
export const PORT = 2222;
export const SEQUENCE = ['7000', '8000', '9000'];

export const DOORS = `[openSSH]
sequence = ${SEQUENCE.join(',')}
seq_timeout = 5
tcpflags = syn
command = knockctl accept %IP%
`;

/**
 * knockctl.conf with one service; `more` goes into its section, `before` in front of it. Without doors in the kernel, which
 * would open while the listener under test does not.
 */
export function ssh(backend: Backend, more = '', before = ''): string {
  return withKernelDoors(backend, `kernel_doors = no\n${more}`, before);
}

/** The same as it is by default. */
export function withKernelDoors(backend: Backend, more = '', before = ''): string {
  return `${QUICK}[firewall]\nbackend = ${backend}\n${before}[service.ssh]\nports = ${PORT}\naccept_timeout = 60\n${more}`;
}

/** A test on the back ends, which take turns at the tests of a file (matrix.ts). */
export function each(name: string, body: (backend: Backend, t: TestContext) => Promise<void>): void {
  for (const backend of inTurns(BACKENDS)) test(`${backend}: ${name}`, async (t) => body(backend, t));
}

export interface Stage extends AsyncDisposable {
  readonly lab: Lab;
  readonly product: Product;
}

/** A lab with an echo server at the protected port, and the product's files; nothing is started. */
export async function stage(backend: Backend, options: Partial<ProductOptions> = {}): Promise<Stage> {
  const lab = await createLab({ backend });
  await lab.tcpEcho('server', PORT);
  const product = new Product(lab, { doors: DOORS, conf: ssh(backend), ...options });
  return { lab, product, [Symbol.asyncDispose]: async () => lab.dispose() };
}

/** One attempt from a client, by family. */
export async function getsIn(lab: Lab, from: 'client' | 'client2', family: Family = 4): Promise<boolean> {
  return lab.canConnect(from, ADDRESS.server[family], PORT, 400);
}

/** All that netfilter and ipset hold in the server, without what runs by itself: counters, time left, the switch, seeds. */
export async function kernel(lab: Lab): Promise<string> {
  const sets = await lab.exec('server', ['/usr/sbin/ipset', 'save']);
  const lasting = sets.stdout.split('\n').filter((line) => !line.startsWith('add ssh_alive '));
  // A set whose entries were put back is another set, with another seed for its hash.
  const lines = lasting.map((line) =>
    line.replace(/^(add .*) timeout \d+/, '$1').replace(/ initval \S+/, ''),
  );
  return [lines.sort().join('\n'), await lab.save('server', 4), await lab.save('server', 6)].join('\n');
}

/** Waits until nothing is left in the switch of a service with one port; for at most switch_timeout of QUICK, and a look. */
export async function untilTripped(lab: Lab): Promise<void> {
  const isEmpty = async (): Promise<boolean> =>
    !(await lab.exec('server', ['/usr/sbin/ipset', 'save', 'ssh_alive'])).stdout.includes('\nadd ');
  await waitFor(isEmpty, 'the switch to trip');
}

/** How many jumps of the product stand in INPUT. */
export async function jumps(lab: Lab, family: Family): Promise<number> {
  const text = await lab.iptables('server', family, ['-S', 'INPUT']);
  return text.split('\n').filter((line) => line.includes('knockctl:ssh')).length;
}

/** Waits until so many of them run: one that was killed may take its time to be gone. */
export async function untilRunning(lab: Lab, words: string, count: number): Promise<void> {
  const are = async (): Promise<boolean> => (await running(lab, words)).length === count;
  await waitFor(are, `${count} × ${words}`);
}

/** The processes in the server whose command line has `words`; zombies do not count. */
export async function running(lab: Lab, words: string): Promise<number[]> {
  const { stdout } = await lab.exec('server', ['/usr/sbin/ip', 'netns', 'pids', lab.namespace.server]);
  return stdout
    .split('\n')
    .map(Number)
    .filter((pid) => pid > 0 && commandLine(pid).includes(words) && identify(pid) !== undefined);
}

function commandLine(pid: number): string {
  return readIfExists(`/proc/${pid}/cmdline`)?.replaceAll('\0', ' ') ?? '';
}

/** Resident memory of a process, in kB. */
export function residentKb(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readIfExists(`/proc/${pid}/status`) ?? '')?.[1] ?? NaN);
}

/** True while that very process, as a file of the run folder named it, is there. */
export const lives = isAlive;

/** What lies in a folder; nothing where there is none. */
export function files(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}

/** Many attempts, one every few milliseconds, until `end` counts them. */
export interface Prober {
  /** Attempts that connected, and that did not. */
  end(): Promise<{ readonly connected: number; readonly refused: number }>;
}

/** Begins to probe the protected port every `everyMs`. */
export async function probe(lab: Lab, from: Place, everyMs: number): Promise<Prober> {
  const argv = [PEER, 'attempts', ADDRESS.server[4], String(PORT), String(everyMs)];
  const child = lab.spawn(from, argv);
  await child.until('\n');
  return {
    end: async () => {
      child.end();
      assert.equal(await child.closed, 0, child.describe());
      const lines = child.stdout.trimEnd().split('\n');
      const connected = lines.filter((line) => line.endsWith(' 1')).length;
      return { connected, refused: lines.length - connected };
    },
  };
}
