import type { ConfigFault } from '../../base/errors.js';
import { ok, refuse, type Result } from '../../base/result.js';
import type { Step } from '../../knock/door.js';

import type { FileRead } from '../config-files.js';
import { trim } from '../lines.js';
import { parseSequence } from './sequence.js';
import type { DoorSettings } from '../settings.js';

/** A line of a one-time file that has not been used. */
export interface OneTimeLine {
  /** Its number, from 1. */
  readonly number: number;
  /** The whole line as it stands, without its `\n` and a byte order mark. */
  readonly text: string;
  readonly sequence: readonly Step[];
}

interface OneTimeFile {
  /** In the order of the file: the first one is the current one. */
  readonly lines: readonly OneTimeLine[];
  /** Lines that are no sequence: they count for nothing. */
  readonly unreadable: readonly { readonly number: number; readonly reason: string }[];
}

/** More lines than this of one file are not looked at: the listener is told all of them at once. */
const MAX_LINES = 10_000;

/** knockd's words when no line is left. */
export function exhausted(door: string): string {
  return `no more sequences left in the one time sequences file for door ${door} --> disabling the door`;
}

/** Reads a one-time file: one sequence a line; blank lines and those that begin with `#` are skipped. */
export function parseOneTime(text: string): OneTimeFile {
  const lines: OneTimeLine[] = [];
  const unreadable: { number: number; reason: string }[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .entries()) {
    const number = index + 1;
    const trimmed = trim(line);
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    if (lines.length === MAX_LINES) {
      unreadable.push({ number, reason: `more than ${MAX_LINES} sequences: the rest is not looked at` });
      break;
    }
    const { steps, faults } = parseSequence(trimmed);
    if (faults[0] === undefined) lines.push({ number, text: line, sequence: steps });
    else unreadable.push({ number, reason: `${faults[0]}: the line is skipped` });
  }
  return { lines, unreadable };
}

/** What the check of doors gathers, and how it reads a file of a door. */
interface OneTimeSources {
  readonly read: (path: string, door: string) => FileRead | { readonly reason: string };
  /** That file is in use. */
  readonly wasRead: (path: string) => void;
  readonly faults: ConfigFault[];
  readonly warnings: ConfigFault[];
  /** A file without a sequence left disables its door with a warning; else it is a fault, as knockd has it at its start. */
  readonly mayBeUsedUp: boolean;
}

/** The doors of `file`, those with a one-time file with the first sequence that is left in it. */
export function readOneTimeDoors(
  doors: readonly DoorSettings[],
  file: string,
  sources: OneTimeSources,
): readonly DoorSettings[] {
  const owners = new Map<string, string>();
  return doors.flatMap((settings): DoorSettings[] => {
    const { door, oneTime } = settings;
    if (oneTime === undefined) return [settings];
    const at = { file, line: oneTime.line };
    const owner = owners.get(oneTime.path);
    owners.set(oneTime.path, door.name);
    const read = sources.read(oneTime.path, door.name);
    if (typeof read !== 'object') return read === 'left-out' ? [] : [settings];
    const current = readCurrent(door.name, oneTime.path, read, sources);
    if (!current.ok) {
      const isUsedUp = current.reason === exhausted(door.name);
      (isUsedUp && sources.mayBeUsedUp ? sources.warnings : sources.faults).push({
        ...at,
        message: current.reason,
      });
    } else if (owner !== undefined) {
      const message = `config: section ${door.name}: ${oneTime.path} is the file of door ${owner}: give each door its own`;
      sources.faults.push({ ...at, message });
    }
    if (!current.ok) return [settings];
    sources.wasRead(oneTime.path);
    if (door.windowMs <= 0 && current.value.length > 1) {
      const message = `door ${door.name} never opens: its seq_timeout is ${door.windowMs / 1_000}`;
      sources.warnings.push({ ...at, message });
    }
    return [{ ...settings, door: { ...door, sequence: current.value } }];
  });
}

function readCurrent(
  door: string,
  path: string,
  read: { readonly text: string | undefined } | { readonly reason: string },
  { warnings }: Pick<OneTimeSources, 'warnings'>,
): Result<readonly Step[]> {
  const what = `(one_time_sequences of door ${door})`;
  if ('reason' in read) return refuse(`${path}: ${read.reason} ${what}`);
  if (read.text === undefined) return refuse(`${path}: No such file or directory ${what}`);
  const { lines, unreadable } = parseOneTime(read.text);
  for (const { number, reason } of unreadable) warnings.push({ file: path, line: number, message: reason });
  const first = lines[0];
  return first === undefined ? refuse(exhausted(door)) : ok(first.sequence);
}
