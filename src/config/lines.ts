/** A line of a file, without its `\n`; `number` counts from 1. */
export interface Line {
  readonly number: number;
  readonly text: string;
}

/** Notes a fault at a line of the file that is being read. */
export type Report = (line: number, message: string) => void;

/** What a file that is not UTF-8 decodes to. */
const REPLACEMENT = '\uFFFD';

/** The lines of a text file, a byte order mark skipped. A NUL byte is a fault, and then no line counts. */
export function splitLines(text: string, report: Report): readonly Line[] {
  const lines = (text.startsWith('\uFEFF') ? text.slice(1) : text).split('\n');
  const binary = lines.findIndex((line) => line.includes('\0'));
  if (binary !== -1) {
    report(binary + 1, 'there is a NUL byte: this must be a plain text file (UTF-8)');
    return [];
  }
  return lines.map((line, index) => ({ number: index + 1, text: line }));
}

/** Reports bytes that are not UTF-8: they would reach commands and paths changed. */
export function isUtf8(text: string, line: number, report: Report): boolean {
  if (!text.includes(REPLACEMENT)) return true;
  report(line, 'there are bytes that are not UTF-8; only comments may hold such');
  return false;
}

/** Without white space at both ends, as C's isspace has it: a no-break space is a character like others. */
export function trim(text: string): string {
  return text.replace(/^[ \t\v\f\r\n]+/, '').replace(/(?<![ \t\v\f\r\n])[ \t\v\f\r\n]+$/, '');
}

/** ASCII letters in upper case, all others left alone (`ſ` must not become `S`). */
export function upper(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}
