import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import type { KnockIo } from './main.js';
import { resolveHost, sendKnock } from './send.js';

const SERVICES = '/etc/services';

/** The client's real surroundings: this process's output, the system's files and sockets. */
export const systemIo: KnockIo = {
  out: (text) => {
    process.stdout.write(text);
  },
  err: (text) => {
    process.stderr.write(text);
  },
  version,
  // Small systems have no such file, and then no service names.
  services: () => (existsSync(SERVICES) ? readFileSync(SERVICES, 'utf8') : ''),
  resolve: resolveHost,
  send: sendKnock,
  sleep,
};

function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
  return /"version": "([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}
