/** Many addresses, and the set that holds those that are banned. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Stand } from './stand.js';

export const MANY = 100_000;
export const BANNED = 'ssh_banned4';
export const IPSET = '/usr/sbin/ipset';

/** Scattered over 64.0.0.0/6, no two alike; neither the flood's nor those who knock are among them. */
export function scattered(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => {
    const low = Math.imul(from + index + 1, 0x9e3779b1) & 0x3ff_ffff;
    return [64 + (low >>> 24), (low >>> 16) & 255, (low >>> 8) & 255, low & 255].join('.');
  });
}

/** Writes a file into the stand's folder; gives its path. */
export function writeLines(stand: Stand, name: string, lines: readonly string[]): string {
  const path = join(stand.lab.dir, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

/** `ipset save` of the set of the banned, for a set of another name. */
export async function savedBans(stand: Stand, name: string): Promise<string> {
  return (await ipset(stand, ['save', BANNED])).replaceAll(` ${BANNED} `, ` ${name} `);
}

export async function countBans(stand: Stand): Promise<number> {
  const listed = await ipset(stand, ['list', '-t', BANNED]);
  return Number(/^Number of entries: (\d+)$/m.exec(listed)?.[1]);
}

export async function ipset(stand: Stand, words: readonly string[], input = ''): Promise<string> {
  const done = await stand.lab.exec('server', [IPSET, ...words], { input });
  assert.equal(done.exitCode, 0, `ipset ${words.join(' ')}: ${done.stderr}`);
  return done.stdout;
}
