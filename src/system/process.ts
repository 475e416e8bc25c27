import { closeSync, readdirSync } from 'node:fs';

import { isErrno, readIfExists } from './files.js';

/** O_CLOEXEC in the flags that proc(5) prints in octal; Node opens all of its own descriptors with it. */
const CLOSE_ON_EXEC = 0o2000000;

/** A process, told apart from a later one with the same number by its start time in clock ticks. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
}

/** Who has this number now; undefined where nobody, or only a zombie, has it. */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statOf(pid);
  const startTime = fields?.[19];
  return startTime === undefined || fields?.[0] === 'Z' ? undefined : { pid, startTime };
}

/** The letter of a process's state, T or t where a signal or a debugger has stopped it; undefined where there is no such process. */
export function processState(pid: number): string | undefined {
  return statOf(pid)?.[0];
}

/** True while that very process lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTime === identity.startTime;
}

/** For how long that process has been there, in milliseconds; its start is known to 10 ms (proc(5): ticks, 100 a second for all). */
export function ageMs({ startTime }: ProcessIdentity): number {
  const uptimeS = Number((readIfExists('/proc/uptime') ?? '').split(' ')[0]);
  return uptimeS * 1_000 - Number(startTime) * 10;
}

/** Sends a signal to that very process; false where it is gone. */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    process.kill(identity.pid, name);
    return true;
  } catch (error) {
    if (isErrno(error, 'ESRCH')) return false;
    throw error;
  }
}

/** `PID START`, for a file. */
export function formatIdentity(identity: ProcessIdentity): string {
  return `${identity.pid} ${identity.startTime}\n`;
}

/** The identity in the text of such a file; undefined where it is none. */
export function parseIdentity(text: string | undefined): ProcessIdentity | undefined {
  const match = /^(\d{1,10}) (\d{1,20})\s*$/.exec(text ?? '');
  return match?.[1] === undefined || match[2] === undefined
    ? undefined
    : { pid: Number(match[1]), startTime: match[2] };
}

/** The process that is noted in a file, while it lives. */
export function readAlive(path: string): ProcessIdentity | undefined {
  const noted = parseIdentity(readIfExists(path));
  return noted !== undefined && isAlive(noted) ? noted : undefined;
}

/**
 * Closes what our caller left open above descriptor `keep`: a lock or a pipe of a shell must not live
 * as long as a daemon, nor reach what the daemon starts. Node's own descriptors stay.
 */
export function closeInherited(keep: number): void {
  for (const name of readdirSync('/proc/self/fdinfo')) {
    const flags = /^flags:\s+([0-7]+)$/m.exec(readIfExists(`/proc/self/fdinfo/${name}`) ?? '')?.[1];
    if (flags === undefined || Number(name) <= keep) continue;
    if ((parseInt(flags, 8) & CLOSE_ON_EXEC) === 0) closeSync(Number(name));
  }
}

/** From the third on, the state: proc(5). The second is the name in parentheses, and may hold anything. */
function statOf(pid: number): string[] | undefined {
  const stat = readIfExists(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}
