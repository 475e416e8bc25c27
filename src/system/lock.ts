import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, fstatSync, openSync, statSync } from 'node:fs';

import { CommandError, errorText, EXIT, KnockError } from '../base/errors.js';
import { requireTool } from './tools.js';

/** So long whoever needs the lock waits for a command that holds it while it works: a `stop` may wait for stop commands and the xtables lock. */
export const PASSING_MS = 30_000;

/** A held lock. Disposing it, or the end of the process in any way, frees it. */
export interface Lock {
  /** True while the file that was locked still has that path: else others can lock another file there. */
  isAt(path: string): boolean;
  [Symbol.dispose](): void;
}

/**
 * Takes an exclusive flock(2) on a file, or gives undefined at once where another process has it.
 * Node has no flock, so flock(1) takes it on our descriptor: the lock belongs to the open file, of
 * which ours is the only descriptor left when flock(1) has ended. It is close-on-exec, so no child
 * of ours keeps the lock alive after us, and no pid has to be believed.
 */
export function tryLock(path: string): Lock | undefined {
  return flock(path, '--exclusive', '--nonblock');
}

function flock(path: string, ...options: readonly string[]): Lock | undefined {
  const descriptor = openLockFile(path);
  const argv = [requireTool('flock'), ...options, '3'] as const;
  const { status, signal, stderr } = spawnSync(argv[0], argv.slice(1), {
    stdio: ['ignore', 'ignore', 'pipe', descriptor],
    timeout: 5_000,
  });
  if (status === 0) {
    return {
      isAt: (where) => isSameFile(descriptor, where),
      [Symbol.dispose]: () => {
        closeSync(descriptor);
      },
    };
  }
  closeSync(descriptor);
  if (status === 1) return undefined;
  const failure = { argv, exitCode: status ?? undefined, signal: signal ?? undefined };
  throw new CommandError({ ...failure, timedOut: false, stderr: stderr.toString(), input: undefined });
}

function isSameFile(descriptor: number, path: string): boolean {
  const [ours, there] = [fstatSync(descriptor), statSync(path, { throwIfNoEntry: false })];
  return there?.ino === ours.ino && there.dev === ours.dev;
}

function openLockFile(path: string): number {
  try {
    return openSync(path, 'a', 0o600);
  } catch (cause) {
    throw new KnockError(`cannot open the lock ${path}: ${errorText(cause)}`, {
      exitCode: EXIT.config,
      hint: 'run in [paths] must be a folder that root can write in',
      cause,
    });
  }
}

/** True while some process holds the lock. A file that is not there is not locked. Two that look at once do not see each other. */
export function isLocked(path: string): boolean {
  if (!existsSync(path)) return false;
  const lock = flock(path, '--shared', '--nonblock');
  if (lock === undefined) return true;
  lock[Symbol.dispose]();
  return false;
}

/**
 * Takes the lock, or gives undefined if another process keeps it. It waits for half a second, in the kernel: isLocked of
 * another process keeps the lock for the moment of its look, which on a busy machine takes its time.
 */
export function takeLock(path: string): Lock | undefined {
  return flock(path, '--exclusive', '--timeout', '0.5');
}

/** Somebody who is no supervisor holds a lock for longer than any command of ours. */
export function lockKept(path: string): KnockError {
  return new KnockError(`${path} is held by a process that is no supervisor: nothing was done`, {
    exitCode: EXIT.busy,
    hint: `fuser -v ${path} tells who it is; once it has ended, try again`,
  });
}
