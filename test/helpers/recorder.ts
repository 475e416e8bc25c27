import { Journal } from '../../src/runtime/journal/journal.js';
import type { Clock } from '../../src/system/clock.js';
import { systemClock } from '../../src/system/clock.js';
import type { Log } from '../../src/system/log.js';

/** A log that keeps its lines, `level message`. */
export class LineLog implements Log {
  readonly lines: string[] = [];

  error(message: string): void {
    this.lines.push(`error ${message}`);
  }

  warn(message: string): void {
    this.lines.push(`warn ${message}`);
  }

  info(message: string): void {
    this.lines.push(`info ${message}`);
  }

  debug(message: string): void {
    this.lines.push(`debug ${message}`);
  }
}

/** A journal, and the lines that it has logged so far. */
export function recordingJournal(clock: Clock = systemClock): {
  readonly journal: Journal;
  readonly lines: string[];
} {
  const log = new LineLog();
  return { journal: new Journal(log, clock), lines: log.lines };
}
