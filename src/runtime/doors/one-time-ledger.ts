import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import { ok, refuse, type Result } from '../../base/result.js';
import { exhausted, parseOneTime, type OneTimeLine } from '../../config/knockd/one-time.js';
import type { DoorSettings } from '../../config/settings.js';
import { commentOutLines, type PlacedLine } from '../../system/comment-out.js';
import { readStrict } from '../../system/strict-file.js';
import type { OneTimeSequence } from '../../wire/listener.js';
import type { Journal } from '../journal/journal.js';

/** A line that a listener was told of. */
interface Issued extends OneTimeLine {
  readonly id: number;
  readonly path: string;
  /** `used`: but not yet `done`, which is marked in the file, or gone from it. */
  state: 'open' | 'used' | 'done';
}

/** A sequence was used, and its line is marked. */
interface Used {
  readonly line: number;
  /** Sequences of the file that are left. */
  readonly left: number;
}

/**
 * The one-time files at run time. Each line that a listener is told of has a number for as long as we live, so that it
 * is known which one was used, whatever was written into the file since. The files are the truth: a used line is one
 * that begins with `#` on disk.
 */
export class OneTimeLedger {
  readonly #journal: Pick<Journal, 'record'>;
  readonly #lines = new Map<number, Issued>();
  /** By file: what was issued last, in the order of the file. */
  readonly #latest = new Map<string, readonly Issued[]>();
  /** What is wrong with a file. */
  readonly #once = new WarnOnce();
  #lastId = 0;

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  /** What is left for a door in its file as it is now, for a listener. Nothing: said in the log, the door is shut. */
  issue({ door, oneTime }: DoorSettings): readonly OneTimeSequence[] {
    if (oneTime === undefined) return [];
    const { path } = oneTime;
    const known = new Map(
      (this.#latest.get(path) ?? []).map((line) => [`${line.number} ${line.text}`, line]),
    );
    const lines = this.#read(path, door.name).map(
      (line) => known.get(`${line.number} ${line.text}`) ?? this.#issueNew(path, line),
    );
    this.#latest.set(path, lines);
    // A line that was used and could not be marked looks as if it were new.
    return lines.filter(isOpen).map(({ id, sequence }) => ({ id, sequence }));
  }

  /** True where a listener was told of this sequence of the file, and it has not been used since. */
  isOpen(path: string, id: number): boolean {
    const line = this.#lines.get(id);
    return line?.path === path && isOpen(line);
  }

  /** A sequence was used: its line is marked when this returns, and with it any that came before it. */
  use(path: string, id: number): Result<Used> {
    const used = this.#lines.get(id);
    if (used === undefined) return refuse(`there is no sequence ${id}`);
    const issued = this.#latest.get(path) ?? [];
    // What an editor put in front of it since the listener was told is not of its time.
    const earlier = issued.slice(0, Math.max(0, issued.indexOf(used))).filter((line) => line.id < id);
    const crossedOut = [...earlier.filter((line) => line.state !== 'done'), used];
    for (const line of crossedOut) line.state = 'used';
    let places = new Map<Issued, PlacedLine>();
    try {
      commentOutLines(path, (lines) => {
        places = new Map();
        for (const line of crossedOut) {
          const place = findLine(lines, line, [...places.values()]);
          if (place !== undefined) places.set(line, place);
        }
        return [...places.values()];
      });
    } catch (error) {
      return refuse(`line ${used.number} of ${path} cannot be marked as used: ${errorText(error)}`);
    }
    for (const line of crossedOut) line.state = 'done';
    if (!places.has(used)) return refuse(`line ${used.number} of ${path} is not there any more`);
    return ok({ line: used.number, left: issued.filter(isOpen).length });
  }

  /** Sequences of a file that a listener may still hear; the current one first. */
  left(path: string): readonly OneTimeLine[] {
    return (this.#latest.get(path) ?? []).filter(isOpen);
  }

  #issueNew(path: string, line: OneTimeLine): Issued {
    const issued: Issued = { ...line, id: ++this.#lastId, path, state: 'open' };
    this.#lines.set(issued.id, issued);
    return issued;
  }

  #read(path: string, door: string): readonly OneTimeLine[] {
    let lines: readonly OneTimeLine[] = [];
    let problem = '';
    try {
      const text = readStrict(path);
      if (text === undefined) problem = `${path}: No such file or directory: door ${door} is disabled`;
      else {
        lines = parseOneTime(text).lines;
        if (lines.length === 0) problem = exhausted(door);
      }
    } catch (error) {
      problem = `${path}: ${errorText(error)}: door ${door} is disabled`;
    }
    if (problem === '') this.#once.ends(path);
    else if (this.#once.begins(path, problem)) this.#journal.record('door', problem, { door }, 'error');
    return lines;
  }
}

function isOpen(line: Issued): boolean {
  return line.state === 'open';
}

/** The place of the line now: where it was, or, since lines were put in or taken out, the first of the same text. */
function findLine(
  lines: readonly PlacedLine[],
  wanted: OneTimeLine,
  taken: readonly PlacedLine[],
): PlacedLine | undefined {
  const fits = (line: PlacedLine | undefined): boolean => line?.text === wanted.text && !taken.includes(line);
  const there = lines[wanted.number - 1];
  return fits(there) ? there : lines.find(fits);
}
