import { readIfExists } from './files.js';

/** Ancestors that are looked at: shells, sudo, screen; a chain longer than this is none of a person. */
const MAX_ANCESTORS = 16;

/**
 * Where the caller's own SSH session comes from, as sshd notes it in SSH_CONNECTION (ssh(1)): in our
 * environment, or in that of the shell that called sudo, which drops it. Undefined outside SSH.
 */
export function sshSession(): string | undefined {
  let pid = process.pid;
  for (let step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
    const peer = /(?:^|\0)SSH_CONNECTION=([^ \0]+) /.exec(read(pid, 'environ'))?.[1];
    if (peer !== undefined) return peer.replace(/%.*$/, ''); // link-local addresses carry a zone
    pid = Number(/^PPid:\s*(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0);
  }
  return undefined;
}

function read(pid: number, name: 'environ' | 'status'): string {
  try {
    return readIfExists(`/proc/${pid}/${name}`) ?? '';
  } catch {
    return ''; // another user's process, or one that has just ended
  }
}
