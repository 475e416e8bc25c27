import { readdirSync, readlinkSync } from 'node:fs';

import { readIfExists } from './files.js';

/** The numbers of all processes that there are now. */
export function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Where a link of a process in /proc leads (`exe`, `ns/net`); undefined for a thread of the kernel, or one that has ended. */
export function linkOf(pid: number | 'self', name: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${name}`);
  } catch {
    return undefined;
  }
}

/** The name of the program that has a socket, by the socket's number. */
export function socketOwners(): Map<string, string> {
  const owners = new Map<string, string>();
  for (const pid of allProcesses()) {
    for (const descriptor of descriptorsOf(pid)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkOf(pid, `fd/${descriptor}`) ?? '')?.[1];
      if (inode !== undefined) owners.set(inode, (readIfExists(`/proc/${pid}/comm`) ?? '').trim());
    }
  }
  return owners;
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return []; // it has ended
  }
}
