import { existsSync, readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { version } from '../system/version.js';
import type { KnockIo } from './io.js';
import { resolveHost, sendKnock } from './send.js';

const SERVICES = '/etc/services';

/** The real implementation of KnockIo: this process's output, the system's files and sockets. */
export const systemIo: KnockIo = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  version,
  // Small systems have no such file, and thus no service names.
  services: () => (existsSync(SERVICES) ? readFileSync(SERVICES, 'utf8') : ''),
  read: (file) => {
    if (file === '-') return readFileSync(0, 'utf8');
    const text = readFileSync(file, 'utf8');
    if ((statSync(file).mode & 0o077) !== 0)
      process.stderr.write(`note: other users can read the sequence in ${file}: chmod 600 ${file}\n`);
    return text;
  },
  profiles: () => {
    const { XDG_CONFIG_HOME: config = '', HOME: home = '' } = process.env;
    if (config.startsWith('/')) return `${config}/knock`;
    return home === '' ? undefined : `${home}/.config/knock`;
  },
  resolve: resolveHost,
  // Rarely needed modules are loaded late: most of a knock's time is the start of the program.
  routeThrough: async (address, name) => {
    const { routeThrough: wayOut } = await import('./route.js');
    const { systemExec } = await import('../system/exec.js');
    const { findTool } = await import('../system/tools.js');
    return wayOut(address, name, { ip: findTool('ip'), exec: systemExec, addresses: addressesOf });
  },
  send: sendKnock,
  sleep,
  command: async (command) => {
    const { runCommand } = await import('./command.js');
    return runCommand(command);
  },
};

/** Includes addresses with a label of their own, such as eth0:1 (ip-address(8)). */
function addressesOf(name: string): string[] {
  return Object.entries(networkInterfaces())
    .filter(([label]) => label === name || label.startsWith(`${name}:`))
    .flatMap(([, entries]) => entries ?? [])
    .map(({ address }) => address);
}
