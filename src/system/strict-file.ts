import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';

import { EXIT, KnockError } from '../base/errors.js';
import { isErrno, readIfExists } from './files.js';

/**
 * Files that root believes: only root, or whoever we run as, may be able to write them, or to put others in their place. As
 * sshd's StrictModes, but on the open descriptor, and along every symbolic link on the way.
 */

/** Why a file, or a folder above it, cannot be believed. */
export interface Weakness {
  /** In words: which file or folder, its owner and mode. */
  readonly text: string;
  /** The command that fixes it. */
  readonly fix: string;
}

/** A file that others could have written. It has been read all the same: `content` is for who can tell what of it does no harm. */
export class UntrustedFile extends KnockError {
  override readonly name = 'UntrustedFile';
  readonly weakness: Weakness;
  readonly content: string;

  constructor(path: string, weakness: Weakness, content: string) {
    super(`${path} cannot be trusted: ${weakness.text}`, { exitCode: EXIT.config, hint: weakness.fix });
    this.weakness = weakness;
    this.content = content;
  }
}

const WRITE_BY_OTHERS = 0o022;
const WRITE_BY_ALL = 0o002;
/** Groups by number that may write. */
type Groups = readonly number[];
const NONE: Groups = [];
const PROGRAM_GROUPS: Groups = [0, 50];
const STICKY = 0o1000;
/** As the kernel has it. */
const MOST_LINKS = 40;

/** The text of a file; undefined where it does not exist. Throws UntrustedFile, and other faults as readFileSync(). */
export function readStrict(path: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openReadable(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
  try {
    const content = readFileSync(descriptor, 'utf8');
    const weakness = weaknessOf(descriptor, path);
    if (weakness !== undefined) throw new UntrustedFile(path, weakness, content);
    return content;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens what can be read to its end: a file, /dev/null, or a pipe that somebody has open, as a shell's `<(…)`. A FIFO by name would hold us
 * up until somebody writes to it, and a device may never end. Throws KnockError, and as openSync().
 */
function openReadable(path: string): number {
  if (isPipe(path)) return openSync(path, 'r');
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const stat = fstatSync(descriptor);
  if (stat.isFile() || stat.isDirectory() || stat.rdev === statSync('/dev/null').rdev) return descriptor;
  closeSync(descriptor);
  throw new KnockError(`${path} is no file, but ${stat.isFIFO() ? 'a FIFO' : 'a device or a socket'}`, {
    exitCode: EXIT.config,
  });
}

/** What has no name of its own is reached by a link of /proc alone. */
function isPipe(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFIFO() !== true) return false;
  try {
    realpathSync.native(path);
    return false;
  } catch {
    return true;
  }
}

/** Throws UntrustedFile where others could have put or written the file that is open. */
export function requireStrict(descriptor: number, path: string): void {
  const weakness = weaknessOf(descriptor, path);
  if (weakness !== undefined) throw new UntrustedFile(path, weakness, '');
}

/** What is wrong with an open file, its folders, or those of a symbolic link to it. */
function weaknessOf(descriptor: number, path: string): Weakness | undefined {
  const stat = fstatSync(descriptor);
  // A pipe of a shell, a device: it is in no folder. Anybody may write to /dev/null, and nothing comes of it.
  if (!stat.isFile()) return weakStat(path, stat, stat.isCharacterDevice() ? 0 : WRITE_BY_OTHERS);
  return (
    weakStat(path, stat) ?? weakFolders(path) ?? weakFolders(readlinkSync(`/proc/self/fd/${descriptor}`))
  );
}

/**
 * What is wrong with the folders above a file, which need not be there. A sticky folder such as /tmp does for a folder further
 * up, since nobody else can rename or remove what is root's in it, and for one that is still to be made, since whoever makes it owns it;
 * never for the one that the file itself is in.
 */
export function weakFolders(path: string, trusts: Groups = NONE): Weakness | undefined {
  const words = path.split('/').filter((word) => word !== '');
  let at = '/';
  for (let links = 0; words.length > 0;) {
    const word = words.shift() ?? '';
    if (word === '.') continue;
    if (word === '..') {
      at = dirname(at);
      continue;
    }
    const next = join(at, word);
    const entry = entryAt(next);
    const weak = weakFolder(at, entry, trusts);
    if (weak !== undefined || entry === undefined) return weak;
    if (entry.isSymbolicLink()) {
      if (++links > MOST_LINKS) return { text: `${path} leads through too many links`, fix: `rm ${next}` };
      const target = readlinkSync(next);
      words.unshift(...target.split('/').filter((part) => part !== ''));
      if (target.startsWith('/')) at = '/';
    } else at = next;
  }
  return undefined;
}

/** Undefined where it is not there, and where what should be a folder on the way to it is none. */
function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** `entry`: what is to be believed in that folder. */
function weakFolder(folder: string, entry: Stats | undefined, trusts: Groups): Weakness | undefined {
  const stat = lstatSync(folder);
  const isHarmless = entry === undefined || (entry.isDirectory() && isOurs(entry.uid));
  const isSticky = (stat.mode & STICKY) !== 0 && isHarmless;
  return weakStat(folder, stat, isSticky ? 0 : forbidden(stat, trusts));
}

function weakStat(path: string, { uid, mode }: Stats, denied = WRITE_BY_OTHERS): Weakness | undefined {
  const isWritable = (mode & denied) !== 0;
  if (isOurs(uid) && !isWritable) return undefined;
  const whose = `${path} is owned by ${nameOf(uid)}, mode ${(mode & 0o7777).toString(8).padStart(4, '0')}`;
  const chown = isOurs(uid) ? [] : [`chown root ${path}`];
  const isShared = (mode & STICKY) !== 0; // it is meant to be so: what has to go elsewhere is the file
  if (isWritable && isShared) {
    return {
      text: `${whose}: others can put files there`,
      fix: `move it out of ${path}, to a folder that only root can write to`,
    };
  }
  const chmod = isWritable ? [`chmod go-w ${path}`] : [];
  const text = isWritable ? `${whose}: others can write to it` : whose;
  return { text, fix: [...chown, ...chmod].join(' && ') };
}

/** What of a mode must not be. */
function forbidden({ gid }: Stats, trusts: Groups): number {
  return trusts.includes(gid) ? WRITE_BY_ALL : WRITE_BY_OTHERS;
}

function isOurs(uid: number): boolean {
  return uid === 0 || uid === process.geteuid?.();
}

function nameOf(uid: number): string {
  for (const line of (readIfExists('/etc/passwd') ?? '').split('\n')) {
    const [name, , number] = line.split(':');
    if (name !== undefined && number === String(uid)) return name;
  }
  return `user ${uid}`;
}

/**
 * What is wrong with a file or folder, what is in it, or the folders above: of programs that root is to run. The group may write if
 * it is root's, or Debian's staff, which may write all over /usr/local.
 */
export function weakTree(path: string): Weakness | undefined {
  return weakFolders(path, PROGRAM_GROUPS) ?? weakBelow(path);
}

function weakBelow(path: string): Weakness | undefined {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || stat.isSymbolicLink()) return undefined; // where a link leads is looked at by its own name
  const weak = weakStat(path, stat, forbidden(stat, PROGRAM_GROUPS));
  if (weak !== undefined || !stat.isDirectory()) return weak;
  for (const name of readdirSync(path)) {
    const below = weakBelow(join(path, name));
    if (below !== undefined) return below;
  }
  return undefined;
}

/** Whether users other than its owner and root can read a file: by its mode, and that of every folder above. */
export function isReadableByOthers(path: string): boolean {
  const reached = (stat: Stats, all: number, group: number): boolean =>
    (stat.mode & all) !== 0 || ((stat.mode & group) !== 0 && stat.gid !== 0);
  try {
    const descriptor = openSync(path, 'r');
    try {
      const file = fstatSync(descriptor);
      if (!file.isFile() || !reached(file, 0o004, 0o040)) return false;
      for (let at = dirname(readlinkSync(`/proc/self/fd/${descriptor}`)); ; at = dirname(at)) {
        if (!reached(lstatSync(at), 0o001, 0o010)) return false;
        if (at === '/') return true;
      }
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false; // it is not there, or not for us: told elsewhere
  }
}
