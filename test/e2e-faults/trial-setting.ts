import assert from 'node:assert/strict';

import { ADDRESS, type Backend, type Lab } from '../helpers/lab.js';
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

/** Which of the two ports a stranger gets into, over a family. */
export async function openPorts(lab: Lab, family: 4 | 6): Promise<number[]> {
  const ports = [PORT, OTHER];
  const open = await Promise.all(
    ports.map(async (port) => lab.canConnect('client', ADDRESS.server[family], port, 400)),
  );
  return ports.filter((_, index) => open[index]);
}

export async function assertOpen(lab: Lab, ports: readonly number[], what: string): Promise<void> {
  for (const family of [4, 6] as const)
    assert.deepEqual(await openPorts(lab, family), ports, `${what}, IPv${family}`);
}

/** Waits until a stranger gets into these ports and no others; gives the time by `Date.now()`. */
export async function untilOpen(lab: Lab, ports: readonly number[], timeoutMs: number): Promise<number> {
  const is = async (): Promise<boolean> => (await openPorts(lab, 4)).join() === ports.join();
  await waitFor(is, timeoutMs, `the open ports ${ports.join()}`);
  return Date.now();
}

/** The chains and sets of a trial that are in the kernel, and jumps with a condition. */
export async function traces(lab: Lab): Promise<string[]> {
  const sets = (await lab.exec('server', ['/usr/sbin/ipset', 'list', '-n'])).stdout;
  const rules = `${await lab.save('server', 4)}${await lab.save('server', 6)}`;
  return `${sets}${rules}`.split('\n').filter((line) => /\.new|_trial/.test(line));
}
