import { errorText, EXIT, KnockError } from '../base/errors.js';
import { shipped } from './install-paths.js';

/** What native/knockctl.c offers; each function throws Error with the system call that failed. */
interface Native {
  /** Changes user and group for good, in all threads; leaves no supplementary group, no capability, no new privileges. */
  readonly changeUser: (uid: number, gid: number) => void;
  /** Tries to become root. If that succeeds, the process is root: end it. */
  readonly canBecomeRoot: () => boolean;
  /** Sends one datagram to a Unix socket; an address that begins with `@` is an abstract one. */
  readonly notify: (address: string, message: string) => void;
}

const MODULE = 'native/build/knockctl.node';
let loaded: Native | undefined;

/** The native module, loaded at its first use. Throws KnockError with what to type where it is missing or does not fit this machine. */
export function native(): Native {
  loaded ??= load(shipped(MODULE));
  return loaded;
}

/** For tests: from another path. */
export function load(path: string): Native {
  const holder: { exports: Partial<Native> } = { exports: {} };
  try {
    process.dlopen(holder, path);
  } catch (error) {
    throw new KnockError(`the native module of knockctl cannot be loaded: ${reason(path, error)}`, {
      exitCode: EXIT.firewall,
      hint: 'install the package for this architecture again; with npm: npm rebuild --global knockctl (in a clone: npm run postinstall)',
    });
  }
  const { changeUser, canBecomeRoot, notify } = holder.exports;
  if (changeUser === undefined || canBecomeRoot === undefined || notify === undefined)
    throw new KnockError(`${path} is of another version of knockctl`, { exitCode: EXIT.firewall });
  return { changeUser, canBecomeRoot, notify };
}

/** The loader's words name the file in some cases only, and go over several lines in others. */
function reason(path: string, error: unknown): string {
  const text = errorText(error).split('\n')[0] ?? '';
  return text.includes(path) ? text : `${path}: ${text}`;
}
