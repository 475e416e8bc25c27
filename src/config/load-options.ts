import type { Network } from '../base/address.js';
import type { Weakness } from '../system/strict-file.js';

/**
 * What the command line of the `knockd` front says, in the order of precedence that knockd 0.8 was measured to have:
 * the interface and the file of the doors go before what files say, the pid file and the log file behind it.
 */
export interface FrontOptions {
  /** The knockd.conf that is named (-c), absolute; else it is where knockctl.conf says. */
  readonly doors?: string;
  /** -i: before `interface` of both files. */
  readonly interface?: string;
  /** -p, or knockd's own default; behind PidFile. Absolute. */
  readonly pidFile?: string;
  /** -g; behind LogFile and `[log] file`. Absolute. */
  readonly logFile?: string;
  /** Of a user who may not write where root does: in place of the default folders. Absolute. */
  readonly run?: string;
  readonly state?: string;
  /** -l */
  readonly lookup?: boolean;
  /** -4 */
  readonly onlyIpv4?: boolean;
}

/** Where the configuration is read from. It goes to a detached supervisor as JSON. */
export interface LoadOptions {
  /** The knockctl.conf given with `-c`; undefined: the default one, if it exists. */
  readonly file?: string | undefined;
  /** Called by the name of knockd; undefined: by our own. */
  readonly front?: FrontOptions | undefined;
}

/** What the reading of the configuration depends on beside its files. */
export interface LoadState {
  /**
   * Rules of ours are in force, and a supervisor is or was there for them: a door whose one-time sequences
   * are used up is then no reason to refuse all the others. A start from nothing is refused, as knockd's is.
   */
  readonly inForce: boolean;
  /** Addresses that no packet from elsewhere has on this host: its own. None where it is not said. */
  readonly ownSources?: () => readonly Network[];
  /**
   * A file that cannot be trusted is left out, rather than being a fault: at a boot, a restart, an upgrade, for a start that is
   * refused is an open port.
   */
  readonly leavesOut?: boolean;
  /** What becomes of services that nobody can get into; undefined: nothing is said of them. */
  readonly lockouts?: 'refuse' | 'tell' | undefined;
  /** What this host says of files; where it is not given, nothing is wrong with them. */
  readonly files?: {
    /** Whether users other than root can read it. */
    readonly isReadableByOthers: (path: string) => boolean;
    /** Why the folders above it cannot be trusted. */
    readonly weakFolders: (path: string) => Weakness | undefined;
  };
}

const TEXTS = ['doors', 'interface', 'pidFile', 'logFile', 'run', 'state'];
const FLAGS = ['lookup', 'onlyIpv4'];

/** The options in a JSON text. Throws where it is anything else: we wrote it ourselves. */
export function parseLoadOptions(text: string): LoadOptions {
  const value: unknown = JSON.parse(text);
  if (isLoadOptions(value)) return value;
  throw new Error(`these are no options of a supervisor: ${text}`);
}

function isLoadOptions(value: unknown): value is LoadOptions {
  if (!isObject(value)) return false;
  const { file, front, ...rest } = value;
  return (
    Object.keys(rest).length === 0 &&
    (file === undefined || typeof file === 'string') &&
    (front === undefined || isFront(front))
  );
}

function isFront(value: unknown): value is FrontOptions {
  if (!isObject(value)) return false;
  return Object.entries(value).every(
    ([name, entry]) =>
      (TEXTS.includes(name) && typeof entry === 'string') ||
      (FLAGS.includes(name) && typeof entry === 'boolean'),
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Reads a whole text file; undefined where it does not exist. Throws where it cannot be read. */
export type ReadText = (path: string) => string | undefined;
