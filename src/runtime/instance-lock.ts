import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorText, KnockError } from '../base/errors.js';
import { runPaths, type RunPaths } from '../config/paths.js';
import type { Settings } from '../config/settings.js';
import { makePrivateFolder, readIfExists, removeFile, replaceFile } from '../system/files.js';
import { lockKept, PASSING_MS, takeLock, type Lock } from '../system/lock.js';
import type { Log } from '../system/log.js';
import { formatIdentity, identify, readAlive } from '../system/process.js';

/** A tick of the kernel's clock is 10 ms at the most. */
const SETTLED_MS = 50;

/** There is a supervisor already; it has told who it is. */
export class RunningAlready extends KnockError {
  constructor(lock: string) {
    super(`knockctl is running already (it holds ${lock})`, {
      hint: 'knockctl status tells how it is; knockctl restart replaces it',
    });
  }
}

/** What a look at the run folder found: all as it should be, made anew, or in the hands of another supervisor. */
export type LockCheck = 'here' | 'restored' | 'taken';

/**
 * The supervisor's lock, once commands that hold it for a while are through. Throws RunningAlready where there is a
 * supervisor, KnockError where somebody else keeps it for longer than `patienceMs`.
 */
export async function acquireLock(
  { lock: path, supervisor }: Pick<RunPaths, 'lock' | 'supervisor'>,
  patienceMs = PASSING_MS,
): Promise<Lock> {
  const endMs = performance.now() + patienceMs;
  for (;;) {
    const lock = takeLock(path);
    if (lock !== undefined) return lock;
    if (readAlive(supervisor) !== undefined) throw new RunningAlready(path);
    if (performance.now() >= endMs) throw lockKept(path);
    await sleep(20);
  }
}

/**
 * By what others find the supervisor, and keep from starting a second one: the lock, its process number, and what it has
 * noted in the run folder. Somebody may delete that folder while it runs; then it is made anew, or, where another
 * supervisor was quicker, that one is the supervisor.
 */
export class InstanceLock {
  readonly #paths: Settings['paths'];
  readonly #places: RunPaths;
  #lock: Lock;
  /** The notes in the run folder as they were at the last look. */
  #notes: readonly (readonly [path: string, text: string | undefined])[] = [];
  /** When something came into the run folder, or went, as of that look: notes are replaced, not written over. */
  #notedAt: number | undefined;

  private constructor(paths: Settings['paths'], lock: Lock) {
    this.#paths = paths;
    this.#places = runPaths(paths);
    this.#lock = lock;
  }

  /** Becomes the one supervisor of a run folder. Throws as acquireLock. */
  static async acquire(paths: Settings['paths']): Promise<InstanceLock> {
    makePrivateFolder(paths.run);
    return new InstanceLock(paths, await acquireLock(runPaths(paths)));
  }

  /** Tells others who we are: our own identity, and the pid file of init scripts and monitors. */
  announce(log: Pick<Log, 'warn'>): void {
    this.#identify();
    try {
      replaceFile(this.#paths.pidFile, `${process.pid}\n`, 0o644);
    } catch (error) {
      // That is no reason not to protect (nor for knockd).
      log.warn(`could not create pid file ${this.#paths.pidFile}: ${errorText(error)}`);
    }
  }

  /**
   * Looks whether we can still be found, and fixes it where we cannot. Throws where that fails; the next look tries again.
   */
  check(): LockCheck {
    if (this.#lock.isAt(this.#places.lock)) {
      this.#readNotes();
      if (this.#isTold()) return 'here';
      this.#identify();
      return 'restored';
    }
    makePrivateFolder(this.#paths.run);
    const lock = takeLock(this.#places.lock);
    // Somebody may hold it for a moment: setup, or a stop that found nobody.
    if (lock === undefined) return this.#isTaken() ? 'taken' : 'here';
    try {
      this.#identify();
      for (const [path, text] of this.#notes) if (text !== undefined) replaceFile(path, text);
    } catch (error) {
      lock[Symbol.dispose]();
      throw error;
    }
    this.#lock[Symbol.dispose]();
    this.#lock = lock;
    return 'restored';
  }

  #readNotes(): void {
    const { mtimeMs } = statSync(this.#paths.run);
    if (mtimeMs === this.#notedAt) return;
    const { inventory, knockCounters, listener } = this.#places;
    const paths = [inventory, knockCounters, listener];
    this.#notes = paths.map((path) => [path, readIfExists(path)]);
    // What comes within the same tick of the kernel's clock does not show: then we read once more.
    this.#notedAt = Date.now() - mtimeMs > SETTLED_MS ? mtimeMs : undefined;
  }

  /** Our own note is there: without it commands take us for one that has just begun. */
  #isTold(): boolean {
    return readAlive(this.#places.supervisor)?.pid === process.pid;
  }

  /** Another supervisor has told who it is. */
  #isTaken(): boolean {
    const other = readAlive(this.#places.supervisor);
    return other !== undefined && other.pid !== process.pid;
  }

  /** Takes away what tells of us, and nothing of a supervisor that has come after us. */
  [Symbol.dispose](): void {
    if (this.#lock.isAt(this.#places.lock)) removeFile(this.#places.supervisor);
    if (readIfExists(this.#paths.pidFile)?.trim() === String(process.pid)) removeFile(this.#paths.pidFile);
    this.#lock[Symbol.dispose]();
  }

  #identify(): void {
    const own = identify(process.pid);
    if (own !== undefined) replaceFile(this.#places.supervisor, formatIdentity(own));
  }
}
