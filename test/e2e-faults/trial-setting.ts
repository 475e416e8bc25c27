import assert from 'node:assert/strict';

import type { Family } from '../../src/base/address.js';
import { ADDRESS, PEER, type Backend, type Lab, type Place } from '../helpers/lab.js';
import { nowMs } from '../helpers/promise.js';
import { waitFor } from '../helpers/wait.js';
import { PORT, ssh, stage, type Stage } from './setting.js';

/** A port with an echo server that the change on trial protects, and the configuration before it does not. */
export const OTHER = 3333;

/** As long as in a real configuration: what is asked is the trial, not the switch on a busy machine. */
export function patient(backend: Backend, more = '', port: number | string = PORT): string {
  return ssh(backend, more)
    .replace('switch_timeout = 3', 'switch_timeout = 30')
    .replace(`ports = ${PORT}`, `ports = ${port}`);
}

/** A lab with echo servers at both ports; client2 is trusted by both configurations. Nothing is started. */
export async function trialStage(backend: Backend, conf = patient(backend)): Promise<Stage> {
  const trusted = `${ADDRESS.client2[4]}\n${ADDRESS.client2[6]}\n`;
  const scene = await stage(backend, { conf, trusted });
  await scene.lab.tcpEcho('server', OTHER);
  return scene;
}

/** Which of the two ports a stranger gets into; each must be the same to both families. */
export async function openPorts(lab: Lab): Promise<number[]> {
  const ports = [PORT, OTHER];
  const targets = ([4, 6] as const).flatMap((family) =>
    ports.flatMap((port) => ['-', '-', ADDRESS.server[family], String(port)]),
  );
  // One process for all: on a busy machine, a process of its own takes longer than the attempt.
  const done = await lab.exec('client', [PEER, 'reach', '500', ...targets]);
  assert.equal(done.exitCode, 0, done.stderr);
  const by = (family: number): number[] =>
    ports.filter((_, index) => done.stdout[family * ports.length + index] === '1');
  if (by(0).join() !== by(1).join())
    throw new Error(`IPv4 and IPv6 differ: ${by(0).join()} and ${by(1).join()}`);
  return by(0);
}

export async function assertOpen(lab: Lab, ports: readonly number[], what: string): Promise<void> {
  assert.deepEqual(await openPorts(lab), ports, what);
}

/** Waits until a stranger gets into these ports and no others; gives the time by `Date.now()`. */
export async function untilOpen(lab: Lab, ports: readonly number[]): Promise<number> {
  // In the moment of change the families may differ: they are asked one after the other.
  const now = async (): Promise<string> => openPorts(lab).then(String, () => '?');
  const is = async (): Promise<boolean> => (await now()) === ports.join();
  await waitFor(is, `the open ports ${ports.join()}`);
  return Date.now();
}

/** The chains and sets of a trial that are in the kernel, and jumps with a condition. */
export async function traces(lab: Lab): Promise<string[]> {
  const sets = (await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout;
  const rules = `${await lab.save('server', 4)}${await lab.save('server', 6)}`;
  return `${sets}${rules}`.split('\n').filter((line) => /\.new|_trial/.test(line));
}

/** One attempt: when its SYN was sent, by `Date.now()`, and whether it got in. */
export interface Attempt {
  readonly at: number;
  readonly connected: boolean;
}

/** Attempts at one port, until `end` gives them in the order in which they were begun. */
export interface Watcher {
  end(): Promise<readonly Attempt[]>;
}

/** Begins to try a port of the server every `everyMs`. */
export async function watch(
  lab: Lab,
  from: Place,
  target: { readonly family: Family; readonly port: number },
  everyMs: number,
): Promise<Watcher> {
  const argv = [PEER, 'attempts', ADDRESS.server[target.family], String(target.port), String(everyMs)];
  const child = lab.spawn(from, argv);
  await child.until('\n');
  return {
    end: async () => {
      child.end();
      assert.equal(await child.closed, 0, child.describe());
      // peer.c tells the time by another clock.
      const offsetMs = Date.now() - nowMs();
      const lines = child.stdout.trimEnd().split('\n');
      const attempts = lines.map((line) => {
        const [beganMs, connected] = line.split(' ');
        return { at: Number(beganMs) + offsetMs, connected: connected === '1' };
      });
      return attempts.sort((one, other) => one.at - other.at);
    },
  };
}

/** The times at which the result of the attempts changed, as `in` or `out` with the time of the first such attempt. */
export function turns(attempts: readonly Attempt[]): readonly Attempt[] {
  return attempts.filter((one, index) => one.connected !== attempts[index - 1]?.connected);
}
