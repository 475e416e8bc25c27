/** The longest part of the offending line that a message quotes, in characters. */
const SHOWN = 120;

/** Text that iptables-save does not print and iptables-restore does not accept. */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  /** The line of the input, from 1. */
  readonly line: number;
  /** The character of that line, from 1, if the fault has one position. */
  readonly column: number | undefined;
  /** The whole offending line. */
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
