import { ParseError } from './error.js';

/** The longest line, in bytes without its break, that iptables-restore reads as one (measured, 1.8.9). */
export const MAX_LINE = 10_239;

/** Throws ParseError if the line is invalid as any command or comment. */
export function checkLine(text: string, line: number): void {
  // A character is three bytes at most, so the cheap comparison decides most lines.
  if (text.length * 3 > MAX_LINE && Buffer.byteLength(text) > MAX_LINE) {
    throw new ParseError(`longer than the ${MAX_LINE} bytes that iptables-restore reads`, line, text);
  }
  const nul = text.indexOf('\0');
  if (nul !== -1) throw new ParseError('a NUL byte', line, text, nul + 1);
  if (text.endsWith('\r')) {
    throw new ParseError('a carriage return at the end; lines must end in a line feed alone', line, text);
  }
}
