import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

import { errorText, EXIT, KnockError } from '../base/errors.js';
import { isErrno, removeFile, replaceFile, setAside } from './files.js';

interface StateFileOptions<T> {
  /** The document as what it should be; undefined: it is of another shape. */
  readonly parse: (document: unknown) => T | undefined;
  /** What to do about a damaged file. */
  readonly hint?: string;
  /** Reads the text; by default that of a file which nobody else can have written. Throws if it is not to be believed. */
  readonly readText?: (path: string) => string | undefined;
  /** People may read it: a line for each value. */
  readonly isIndented?: true;
}

/** A file is there that cannot be believed: it is cut short, of another shape, or others could have written it. */
export class DamagedFile extends KnockError {
  override readonly name = 'DamagedFile';
  /** What is wrong with it. */
  readonly reason: string;

  constructor(path: string, cause: unknown, hint?: string) {
    const reason = errorText(cause);
    super(`${path} is damaged: ${reason}`, {
      exitCode: EXIT.config,
      ...(hint === undefined ? {} : { hint }),
      cause,
    });
    this.reason = reason;
  }
}

/** A JSON document that knockctl keeps for itself, for its owner only: written whole or not at all, and believed only if it is sound. */
export class StateFile<T> {
  readonly path: string;
  readonly #options: StateFileOptions<T>;

  constructor(path: string, options: StateFileOptions<T>) {
    this.path = path;
    this.#options = options;
  }

  /** What the file says; undefined if it does not exist. Throws DamagedFile. */
  read(): T | undefined {
    const { parse, hint, readText = readOwn } = this.#options;
    try {
      const text = readText(this.path);
      if (text === undefined) return undefined;
      const value = parse(JSON.parse(text));
      if (value === undefined) throw new Error('it is not of the right shape');
      return value;
    } catch (cause) {
      throw new DamagedFile(this.path, cause, hint);
    }
  }

  /** The same for a file that can be done without: a damaged one counts as none. */
  readIfSound(): T | undefined {
    try {
      return this.read();
    } catch {
      return undefined;
    }
  }

  /** Throws where it cannot be written; then the file is as it was. */
  write(value: T): void {
    const indent = this.#options.isIndented === true ? 1 : undefined;
    replaceFile(this.path, `${JSON.stringify(value, undefined, indent)}\n`);
  }

  /** One that does not exist is no error. */
  remove(): void {
    removeFile(this.path);
  }
}

/** The text of a file; undefined if it does not exist. Throws if somebody else owns it or can write to it. */
function readOwn(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    const { uid, mode } = fstatSync(descriptor);
    if (uid !== process.getuid?.() || (mode & 0o022) !== 0) throw new Error('others can write to it');
    return readFileSync(descriptor, 'utf8');
  } finally {
    closeSync(descriptor);
  }
}

/** Takes a damaged file out of use, and keeps it beside. Gives the report; `effect`: what that means. Never throws. */
export function setDamagedAside(path: string, faults: readonly string[], effect?: string): string {
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : '';
  const report = `${path} is damaged: ${faults[0] ?? ''}${more}; ${effect === undefined ? '' : `${effect}, `}it`;
  try {
    return `${report} is kept as ${setAside(path)}`;
  } catch (error) {
    return `${report} cannot be renamed: ${errorText(error)}`;
  }
}
