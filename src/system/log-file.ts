import { close, closeSync, constants, fstatSync, openSync, renameSync, statSync, write } from 'node:fs';
import { Writable } from 'node:stream';

import { errorText } from '../base/errors.js';
import { isErrno } from './files.js';

const NEWLINE = Buffer.from('\n');
/** Without O_NONBLOCK a FIFO holds whoever opens it up until somebody reads it, and whoever writes to it if its reader is slow. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
/** Lines are written together up to so many bytes. */
const BATCH_BYTES = 64 * 1024;

/**
 * A file that lines are appended to, mode 0600. Not winston's own: that one says nothing of a full
 * disk, writes no line after one, and may never finish once it has rotated (3.19). Here a line that
 * cannot be written is lost and told, and the next one is tried again. A file that was renamed
 * (logrotate) is left, and made anew under its name.
 */
export class LogFile extends Writable {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #onFault: (error: Error) => void;
  #descriptor: number | undefined;
  #inode = 0;
  #size = 0;
  /** A line was written in part: the next one must not go on in it. */
  #torn = false;
  #reopen = false;

  /** `maxBytes`: the file becomes `<path>.1` rather than grow beyond it; undefined: no bound. */
  constructor(path: string, maxBytes: number | undefined, onFault: (error: Error) => void) {
    super({ decodeStrings: true });
    this.#path = path;
    this.#maxBytes = maxBytes ?? Infinity;
    this.#onFault = onFault;
  }

  /** Why nothing can be written now; undefined where that is not so. */
  get fault(): string | undefined {
    try {
      this.#open(0);
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  }

  /** The next line goes to the file that then has the name. */
  reopen(): void {
    this.#reopen = true;
  }

  override _write(line: Buffer, _encoding: string, done: () => void): void {
    this.#append(line, done);
  }

  /** Lines that came while one was being written go out together: else a burst would grow in memory. */
  override _writev(chunks: readonly { readonly chunk: unknown }[], done: () => void): void {
    const lines = chunks.map(({ chunk }) => chunk).filter((chunk) => Buffer.isBuffer(chunk));
    const next = (): void => {
      const batch = lines.splice(0, this.#fitting(lines));
      if (batch.length === 0) done();
      else this.#append(Buffer.concat(batch), next);
    };
    next();
  }

  /** How many of the lines fit into the file as it is; one at least. */
  #fitting(lines: readonly Buffer[]): number {
    const room = Math.min(BATCH_BYTES, this.#maxBytes - this.#size);
    let bytes = 0;
    const tooMany = lines.findIndex((line) => (bytes += line.length) > room);
    return tooMany === -1 ? lines.length : Math.max(1, tooMany);
  }

  #append(lines: Buffer, done: () => void): void {
    this.#write(this.#torn ? Buffer.concat([NEWLINE, lines]) : lines, done);
  }

  #write(bytes: Buffer, done: () => void): void {
    const lost = (error: Error): void => {
      this.#onFault(error);
      done();
    };
    try {
      write(this.#open(bytes.length), bytes, (error, written) => {
        this.#size += written;
        if (written > 0) this.#torn = bytes[written - 1] !== NEWLINE[0];
        if (error !== null) lost(error);
        // A disk that is nearly full takes a part, and says why with the next one.
        else if (written > 0 && written < bytes.length) this.#write(bytes.subarray(written), done);
        else done();
      });
    } catch (error) {
      lost(error instanceof Error ? error : new Error(String(error)));
    }
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#descriptor === undefined) done();
    else close(this.#descriptor, done);
  }

  /** The descriptor of the file that has room for so many bytes more. */
  #open(bytes: number): number {
    if (this.#descriptor !== undefined) {
      const isThere = statSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
      const hasRoom = this.#size === 0 || this.#size + bytes <= this.#maxBytes;
      if (isThere && hasRoom && !this.#reopen) return this.#descriptor;
      closeSync(this.#descriptor);
      this.#descriptor = undefined;
      this.#reopen = false;
      if (isThere && !hasRoom) renameSync(this.#path, `${this.#path}.1`);
      this.#torn = false;
    }
    this.#descriptor = openToAppend(this.#path);
    const { ino, size } = fstatSync(this.#descriptor);
    this.#inode = ino;
    this.#size = size;
    return this.#descriptor;
  }
}

function openToAppend(path: string): number {
  try {
    return openSync(path, FLAGS, 0o600);
  } catch (cause) {
    if (!isErrno(cause, 'ENXIO')) throw cause;
    throw new Error(`nobody reads the FIFO ${path}`, { cause });
  }
}
