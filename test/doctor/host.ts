import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';

import type { Finding } from '../../src/wire/reports.js';
import type { KernelSpace } from '../helpers/kernel-space.js';
import { KNOCKCTL } from '../helpers/product.js';

/** What the doctor said. */
export interface Told {
  readonly code: number;
  readonly findings: readonly Finding[];
}

export const DOOR = '[open]\nsequence = 7000,8000,9000\ntcpflags = syn\ncommand = knockctl accept %IP%\n';

/** What is on a host. */
export interface HostSetting {
  /** knockctl.conf beyond its [paths], and the other files. */
  readonly conf?: string;
  readonly doors?: string;
  readonly trusted?: string;
  readonly template?: string;
  /** Commands as root of that host. */
  readonly rules?: readonly string[];
  /** The code of a program that goes on running. */
  readonly listener?: string;
  /** As sshd notes it. */
  readonly session?: string;
}

/** What the doctor says of a host. */
export async function host(
  space: KernelSpace,
  { conf = '', doors = DOOR, trusted = '', template, rules = [], listener, session }: HostSetting,
): Promise<Told> {
  const paths = ['doors', 'trusted', 'rules', 'run', 'state']
    .map((key) => `${key} = ${space.dir}/${key}\n`)
    .join('');
  writeFileSync(`${space.dir}/knockctl.conf`, `[paths]\n${paths}${conf}`);
  writeFileSync(`${space.dir}/doors`, doors);
  writeFileSync(`${space.dir}/trusted`, trusted);
  if (template !== undefined) {
    mkdirSync(`${space.dir}/rules`);
    writeFileSync(`${space.dir}/rules/service.rules`, template);
  }
  await space.must('ip link set lo up');
  for (const rule of rules) await space.must(rule);
  if (listener === undefined) return ask(space, session);
  // env becomes the program, so that the number is the program's own.
  const child = spawn('/usr/bin/env', [...space.inside, process.execPath, '-e', listener], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await once(child.stdout, 'data');
    return await ask(space, session);
  } finally {
    child.kill('SIGKILL');
  }
}

/** What it says; `session`: as sshd notes it. */
export async function ask(space: KernelSpace, session = ''): Promise<Told> {
  const connection = session === '' ? [] : ['/usr/bin/env', `SSH_CONNECTION=${session}`];
  const file = `${space.dir}/knockctl.conf`;
  const argv = [...connection, process.execPath, KNOCKCTL, '-c', file, '--json', 'doctor'];
  const { exitCode, stdout, stderr } = await space.exec(argv);
  assert.equal(stderr, '');
  return { code: exitCode, ...(JSON.parse(stdout) as { findings: Finding[] }) };
}

/** A program that listens at a port of an address. */
export function listenAt(port: number, address: string): string {
  return `require('net').createServer().listen(${port}, '${address}', () => console.log('up'))`;
}

/** One service, with which nothing is wrong. */
export const SSH = '[service.ssh]\non_failure = hold\n';
