import { statSync } from 'node:fs';

import { errorText, KnockError } from '../base/errors.js';
import { runPaths, type RunPaths } from '../config/paths.js';
import type { Settings } from '../config/settings.js';
import { footprintPath } from '../firewall/footprint.js';
import { makePrivateFolder, readIfExists, removeFile, replaceFile } from '../system/files.js';
import { takeLock, type Lock } from '../system/lock.js';
import type { Log } from '../system/log.js';
import { formatIdentity, identify, isAlive, parseIdentity } from '../system/process.js';
import { kernelKnocksPath } from './kernel-knocks.js';

/** A tick of the kernel's clock is 10 ms at the most. */
const SETTLED_MS = 50;

/** What a look at the run folder found: all as it should be, made anew, or in the hands of another supervisor. */
export type Found = 'here' | 'restored' | 'taken';

/**
 * By what others find the supervisor, and keep from starting a second one: the lock, its process number, and what it has
 * noted in the run folder. Somebody may delete that folder while it runs; then it is made anew, or, where another
 * supervisor was quicker, that one is the supervisor.
 */
export class Presence {
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

  /** Becomes the one supervisor of a run folder. Throws KnockError where there is one. */
  static async take(paths: Settings['paths']): Promise<Presence> {
    makePrivateFolder(paths.run);
    const { lock: path } = runPaths(paths);
    const lock = await takeLock(path);
    if (lock !== undefined) return new Presence(paths, lock);
    throw new KnockError(`knockctl is running already (it holds ${path})`, {
      hint: 'knockctl status tells how it is; knockctl restart replaces it',
    });
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
   * Looks whether we can still be found, and mends it where we cannot. Throws where that fails; the next look tries again.
   */
  async look(): Promise<Found> {
    if (this.#lock.isAt(this.#places.lock)) {
      this.#readNotes();
      return 'here';
    }
    makePrivateFolder(this.#paths.run);
    const lock = await takeLock(this.#places.lock);
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
    const { run } = this.#paths;
    const paths = [footprintPath(run), kernelKnocksPath(run), this.#places.listener];
    this.#notes = paths.map((path) => [path, readIfExists(path)]);
    // What comes within the same tick of the kernel's clock does not show: then we read once more.
    this.#notedAt = Date.now() - mtimeMs > SETTLED_MS ? mtimeMs : undefined;
  }

  /** Another supervisor has told who it is. */
  #isTaken(): boolean {
    const other = parseIdentity(readIfExists(this.#places.supervisor));
    return other !== undefined && other.pid !== process.pid && isAlive(other);
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
