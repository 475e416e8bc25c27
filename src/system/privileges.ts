import { readFileSync } from 'node:fs';

import { EXIT, KnockError } from '../base/errors.js';
import { readIfExists } from './files.js';

/** A user as /etc/passwd has it. */
interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Looks a user up in /etc/passwd; users of other sources (LDAP …) are given by number, `UID:GID`. */
export function findUser(name: string): User | undefined {
  const numeric = /^(\d+):(\d+)$/.exec(name);
  if (numeric !== null) return { uid: Number(numeric[1]), gid: Number(numeric[2]) };
  for (const line of (readIfExists('/etc/passwd') ?? '').split('\n')) {
    const [user, , uid, gid] = line.split(':');
    if (user === name && uid !== undefined && gid !== undefined) {
      return { uid: Number(uid), gid: Number(gid) };
    }
  }
  return undefined;
}

/** The listener's own user, which the package and `knockctl install` make: no other process of that user can end it, or trace it. */
export const OWN_USER = '_knockctl';
/** Whom it runs as where nobody has made that user. */
const SPARE_USER = 'nobody';

/** Whom a listener of that user runs as: `nobody` where it is our own that is missing, for a port without a listener is worse. */
export function runsAs(user: string): string {
  return user === OWN_USER && findUser(OWN_USER) === undefined ? SPARE_USER : user;
}

/** What is wrong where our own user is missing, in words, and what fixes it. */
export const SPARE_USER_NOTE = {
  text: `user in [listener]: there is no user ${OWN_USER}: the listener runs as ${SPARE_USER}`,
  effect: `any other process of ${SPARE_USER} can end it`,
  fix: `useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin ${OWN_USER}, then knockctl restart`,
} as const;

/**
 * Gives up root for good, and checks that it is gone: no capability is left in any set that could
 * be used, and becoming root again is refused. Throws where anything is left.
 */
export function giveUpRoot(user: User): void {
  if (process.setgroups === undefined || process.setgid === undefined || process.setuid === undefined) {
    throw new KnockError('this platform cannot change the user of a process');
  }
  if (user.uid === 0 || user.gid === 0) {
    throw new KnockError('the listener must not run as root', {
      exitCode: EXIT.config,
      hint: 'set user in [listener] to an unprivileged account, such as _knockctl',
    });
  }
  process.setgroups([]);
  process.setgid(user.gid);
  process.setuid(user.uid);
  const left = remainingPrivileges();
  if (left.length > 0) throw new KnockError(`privileges are left after giving up root: ${left.join(', ')}`);
}

/** What of root this process still has, or could get back; empty when nothing. */
export function remainingPrivileges(): string[] {
  const left: string[] = [];
  const status = readFileSync('/proc/self/status', 'utf8');
  // CapBnd only limits what a set-uid program could gain; no_new_privs rules those out.
  for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) {
    const value = new RegExp(`^${set}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1];
    if (value === undefined || !/^0+$/.test(value)) left.push(`${set}=${value ?? 'unknown'}`);
  }
  if (!/^NoNewPrivs:\s*1$/m.test(status)) left.push('NoNewPrivs=0');
  if (canBecomeRoot()) left.push('setuid(0)');
  return left;
}

function canBecomeRoot(): boolean {
  try {
    process.setuid?.(0);
    return true;
  } catch {
    return false; // EPERM: what we want
  }
}
