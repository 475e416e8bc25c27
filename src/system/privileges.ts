import { readFileSync } from 'node:fs';
import { readdirSync } from 'node:fs';

import { EXIT, KnockError } from '../base/errors.js';
import { readIfExists } from './files.js';
import { native } from './native.js';

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
  // Started by another user, with CAP_NET_RAW alone: there is no root to give up, and nobody to become.
  if (process.getuid?.() !== 0) return;
  if (user.uid === 0 || user.gid === 0) {
    throw new KnockError('the listener must not run as root', {
      exitCode: EXIT.config,
      hint: 'set user in [listener] to an unprivileged account, such as _knockctl',
    });
  }
  // Not by Node: process.setuid throws in Debian 13's build of it, which has no way to tell that io_uring is off.
  native().changeUser(user.uid, user.gid);
  const left = remainingPrivileges();
  if (left.length > 0) throw new KnockError(`privileges are left after giving up root: ${left.join(', ')}`);
}

/** Bit 13 of the capability sets (linux/capability.h). */
const NET_RAW = 1n << 13n;

/** True where this process may open captures. */
export function mayCapture(): boolean {
  const [, set = '0'] = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return (BigInt(`0x${set}`) & NET_RAW) !== 0n;
}

/** What of root a thread of this process still has, or could get back; empty when nothing. */
export function remainingPrivileges(): string[] {
  const left = new Set(readdirSync('/proc/self/task').flatMap(remainingInThread));
  if (native().canBecomeRoot()) left.add('setuid(0)');
  return [...left];
}

function remainingInThread(thread: string): string[] {
  const status = readIfExists(`/proc/self/task/${thread}/status`);
  if (status === undefined) return []; // it has ended
  const value = (name: string): string =>
    new RegExp(`^${name}:\\s*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? 'unknown';
  // no_new_privs: no program that it executes gains anything, so CapBnd and CapInh, which limit such a gain, do not matter.
  // systemd 257 in a container passes a full CapInh on to its services.
  const gainsNothing = value('NoNewPrivs') === '1';
  const left = ['CapEff', 'CapPrm', 'CapAmb', ...(gainsNothing ? [] : ['CapInh'])]
    .filter((name) => !/^0+$/.test(value(name)))
    .map((name) => `${name}=${value(name)}`);
  return gainsNothing ? left : [...left, 'NoNewPrivs=0'];
}
