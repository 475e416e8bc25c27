import { fileURLToPath } from 'node:url';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, type Place } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import { createHost, type Host, WAYS } from './host.js';

/** The front, for whoever starts it by itself. */
export const KNOCKD = fileURLToPath(new URL('../../app/bin/knockd.js', import.meta.url));
export const PID_FILE = '/run/knockd.pid';
export const { 4: SERVER, 6: SERVER6 } = ADDRESS.server;
export const { 4: CLIENT, 6: CLIENT6 } = ADDRESS.client;

/** A door that leaves its mark in the lab's folder. */
export const door = (host: Host, port: number, more = ''): string =>
  `[d${port}]\nsequence = ${port},${port + 1}\ntcpflags = syn\ncommand = echo %IP% >> ${host.lab.dir}/opened\n${more}`;

/** A host of somebody who has an /etc/knockd.conf and nothing else. */
export async function bareHost(): Promise<Host> {
  return createHost(WAYS[0]);
}

export function front(host: Host, ...words: readonly string[]): LabProcess {
  return host.spawn([process.execPath, KNOCKD, ...words]);
}

/** Runs it to its end, which comes at once with -d, -h and errors. */
export async function call(host: Host, ...words: readonly string[]): ReturnType<Host['exec']> {
  return host.exec([process.execPath, KNOCKD, ...words]);
}

/** A file as the host has it; undefined where it is not there. */
export function read(host: Host, path: string): string | undefined {
  try {
    return host.read(path);
  } catch {
    return undefined;
  }
}

export const opened = (host: Host): string[] =>
  (readIfExists(`${host.lab.dir}/opened`) ?? '').split('\n').slice(0, -1);

export async function opens(host: Host, server: string, port: number, from: Place = 'client'): Promise<void> {
  const before = opened(host).length;
  await host.lab.knock(from, server, [port, port + 1]);
  await host.lab.waitFor(() => opened(host).length > before, `door ${port} opened at ${server}`);
}

/** Waits until a log has the line; gives the log's lines without their times, and without those of our states. */
export async function logged(host: Host, path: string, line: string): Promise<string[]> {
  const lines = (): string[] =>
    (read(host, path) ?? '')
      .split('\n')
      .map((text) => text.replace(/^\[[0-9-]{10} [0-9:]{5}\] /, ''))
      .filter((text) => text !== '' && !/^(?:preparing|armed|stopping|stopped):/.test(text));
  await host.lab.waitFor(() => lines().includes(line), `"${line}" in ${path}:\n${read(host, path) ?? ''}`);
  return lines();
}

export async function gone(host: Host): Promise<void> {
  await host.lab.waitFor(() => read(host, PID_FILE) === undefined, 'the end of the pid file');
}

/** A name server on the host, the only one that it asks; it answers with a name of these labels, or says nothing. */
export async function nameServer(host: Host, labels: readonly string[] | undefined): Promise<LabProcess> {
  await host.exec(['/bin/rm', '-f', '/etc/resolv.conf', '/etc/nsswitch.conf']);
  host.write('/etc/nsswitch.conf', 'hosts: files dns\n');
  host.write('/etc/resolv.conf', 'nameserver 127.0.0.1\n');
  const program = fileURLToPath(new URL('../helpers/name-server.js', import.meta.url));
  const server = host.spawn([process.execPath, program, JSON.stringify(labels ?? null)]);
  await server.until('listening\n');
  return server;
}
