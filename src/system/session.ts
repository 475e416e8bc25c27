import { readIfExists } from './files.js';

/** Ancestors that are looked at: shells, sudo, screen; a chain longer than this is none of a person. */
const MAX_ANCESTORS = 16;

/** An SSH session as sshd sees it. */
export interface SshSession {
  readonly peer: string;
  /** The port on this host that it came in by. */
  readonly port: number;
  /** The address of this host that it came in by. */
  readonly host: string;
}

/**
 * The caller's own SSH session, as sshd notes it in SSH_CONNECTION (ssh(1)): in our environment, or in
 * that of the shell that called sudo, which drops it. Undefined outside SSH.
 */
export function sshSession(): SshSession | undefined {
  let pid = process.pid;
  for (let step = 0; step < MAX_ANCESTORS && pid > 1; step++) {
    const session = parseConnection(/(?:^|\0)SSH_CONNECTION=([^\0]+)/.exec(read(pid, 'environ'))?.[1]);
    if (session !== undefined) return session;
    pid = Number(/^PPid:\s*(\d+)$/m.exec(read(pid, 'status'))?.[1] ?? 0);
  }
  return undefined;
}

/** `PEER PORT HOST PORT`; link-local addresses carry a zone. */
function parseConnection(text: string | undefined): SshSession | undefined {
  const match = /^([^ ]+) \d+ ([^ ]+) (\d{1,5})$/.exec(text ?? '');
  const [, peer, host, port] = match ?? [];
  if (peer === undefined || host === undefined) return undefined;
  return { peer: peer.replace(/%.*$/, ''), host, port: Number(port) };
}

function read(pid: number, name: 'environ' | 'status'): string {
  try {
    return readIfExists(`/proc/${pid}/${name}`) ?? '';
  } catch {
    return ''; // another user's process, or one that has just ended
  }
}
