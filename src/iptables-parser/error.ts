/** Longest piece of the offending line that a message repeats, in characters. */
const SHOWN = 120;

/** Text that is not what iptables-save prints or iptables-restore takes. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  /** The line of the input, from 1. */
  readonly line: number;
  /** The character of that line, from 1, where the fault has one place. */
  readonly column: number | undefined;
  /** The offending line, whole. */
  readonly text: string;

  constructor(reason: string, line: number, text: string, column?: number) {
    const shown = text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
    const place = column === undefined ? `line ${line}` : `line ${line}, column ${column}`;
    super(`${place}: ${reason}: ${JSON.stringify(shown)}`);
    this.line = line;
    this.column = column;
    this.text = text;
  }
}
