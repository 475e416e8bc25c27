import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { errorText, EXIT, KnockError } from '../base/errors.js';

/** True for a Node system error of that code (`ENOENT`, …). */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

/** The text of a file; undefined where it does not exist. Other faults are thrown. */
export function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // ESRCH: a file of /proc whose process ended between opening and reading.
    if (['ENOENT', 'ENOTDIR', 'ESRCH'].some((code) => isErrno(error, code))) return undefined;
    throw error;
  }
}

/** A unit of systemd that may write in few places is the usual cause. */
const READ_ONLY =
  'name another folder in [paths]; the unit of systemd may write in few: systemctl edit knockctl, [Service], ReadWritePaths=';

/**
 * Makes a folder that only its owner can enter, with its parents. One that exists stays as it is, but
 * is refused where somebody else could put files into it: what we read there is believed. Throws
 * KnockError.
 */
export function makePrivateFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (cause) {
    throw new KnockError(`cannot make the folder ${path}: ${errorText(cause)}`, {
      exitCode: EXIT.config,
      hint: isErrno(cause, 'EROFS')
        ? READ_ONLY
        : 'run and state in [paths] must be folders that root can write in',
      cause,
    });
  }
  const { uid, mode } = statSync(path);
  if (uid === process.getuid?.() && (mode & 0o022) === 0) return;
  throw new KnockError(`others can write to the folder ${path}`, {
    exitCode: EXIT.config,
    hint: `chown root ${path} && chmod 700 ${path}; or name another folder in [paths]`,
  });
}

/**
 * Takes a folder back that others could write to, where nobody is there to do it and a refusal would leave a port open: what
 * is in it is judged file by file. Gives what was done, in words. One that cannot be taken back is for makePrivateFolder to refuse.
 */
export function reclaimFolder(path: string): string | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory() !== true) return undefined;
  const isOwn = stat.uid === process.getuid?.();
  if (isOwn && (stat.mode & 0o022) === 0) return undefined;
  try {
    if (!isOwn) chownSync(path, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
    chmodSync(path, 0o700);
  } catch {
    return undefined;
  }
  const mode = (stat.mode & 0o7777).toString(8).padStart(4, '0');
  return `others could write to the folder ${path} (owner ${stat.uid}, mode ${mode}): it is root's alone again`;
}

/** Not by mkdir's `recursive`: in a file system that knows no mkdir, such as /proc, Node 20 tries for ever. */
function makeFolder(path: string): void {
  if (isFolder(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!isFolder(path)) throw error; // else somebody else made it in this moment
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Only a file that was not there: nobody else has it open, and it is no link to another one. */
const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Of no name that anybody could have taken before us; removeAbandoned knows it by the process number. */
function temporaryName(path: string): string {
  return `${path}.${randomBytes(6).toString('hex')}.${process.pid}.tmp`;
}

/**
 * Replaces a file whole: temporary file, fsync, rename, fsync of the folder. Whatever goes wrong
 * (no space, a crash), the old content stays readable. A file that exists keeps its mode; a new
 * one gets `mode`.
 */
export function replaceFile(path: string, text: string, mode = 0o600): void {
  const temporary = temporaryName(path);
  try {
    const descriptor = openSync(temporary, NEW_FILE, 0o600);
    try {
      fchmodSync(descriptor, existingMode(path) ?? mode); // the umask has no say in it
      writeWhole(descriptor, Buffer.from(text));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

/**
 * The same, part by part and without ever waiting for the disk: for what is long. A new file and one that was there
 * are for the owner only.
 */
export async function replaceFileInParts(path: string, parts: Iterable<string>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    const handle = await open(temporary, NEW_FILE, 0o600);
    try {
      await handle.chmod(0o600); // the umask has no say in it
      for (const part of parts) await handle.writeFile(part);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolderLater(dirname(path));
}

/** Appends to a file of ours that is there, and returns once that is on the disk. Throws where it is there in part only. */
export function appendToDisk(path: string, text: string): void {
  const descriptor = openSync(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    writeWhole(descriptor, Buffer.from(text));
    fdatasyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The size of a file in bytes; undefined where there is none. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Removes a file for good: a crash does not bring it back. One that is not there is no error. */
export async function removeFileForGood(path: string): Promise<void> {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return;
  await rm(path, { force: true });
  await syncFolderLater(dirname(path));
}

/** Renames a file that is not to be used again to `PATH.damaged`, in place of an earlier one; gives that name. */
export function setAside(path: string): string {
  const name = `${path}.damaged`;
  renameSync(path, name);
  return name;
}

/** Removes a file; one that is not there is no error. */
export function removeFile(path: string): void {
  rmSync(path, { force: true });
}

/** `start`: where to write, which leaves the file's own offset as it is; without it, there. */
function writeWhole(descriptor: number, bytes: Buffer, start?: number): void {
  for (let offset = 0; offset < bytes.length;) {
    const position = start === undefined ? null : start + offset;
    offset += writeSync(descriptor, bytes, offset, bytes.length - offset, position);
  }
}

/** Where files without a name may lie: in memory first. */
const ANONYMOUS_FOLDERS = ['/dev/shm', '/run', '/tmp'];
/** open(2); Node does not name it. The same on all architectures that Node has builds for. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;

/**
 * A file without a name that holds the text, open at its beginning, gone with its last descriptor; the caller closes
 * it. Undefined where there is no space for one, or no file system that has such files.
 */
export function anonymousFile(text: string): number | undefined {
  const content = Buffer.from(text);
  for (const folder of ANONYMOUS_FOLDERS) {
    let descriptor: number | undefined;
    try {
      descriptor = openSync(folder, constants.O_RDWR | O_TMPFILE, 0o600);
      writeWhole(descriptor, content, 0);
      return descriptor;
    } catch {
      if (descriptor !== undefined) closeSync(descriptor); // not in this folder: the next one
    }
  }
  return undefined;
}

function existingMode(path: string): number | undefined {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  return mode === undefined ? undefined : mode & 0o7777;
}

/**
 * Removes what replaceFile left in a folder when its process was killed on the way; a folder that does not exist has nothing. For
 * the start of a process: what bears its own number is of another one that had it before.
 */
export function removeAbandoned(folder: string): void {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const writer = writerOf(name);
    if (writer === undefined || (writer !== process.pid && isBeingWritten(name))) continue;
    rmSync(join(folder, name), { force: true });
  }
}

/** True for a file that replaceFile is writing, by its name: the process that it names is there. */
export function isBeingWritten(name: string): boolean {
  const writer = writerOf(name);
  return writer !== undefined && existsSync(`/proc/${writer}`);
}

function writerOf(name: string): number | undefined {
  const writer = /\.(\d+)\.tmp$/.exec(name)?.[1];
  return writer === undefined ? undefined : Number(writer);
}

function syncFolder(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

async function syncFolderLater(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
