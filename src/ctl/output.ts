import { quietJson } from '../base/printable.js';
import type { Remark, Reply } from '../wire/control.js';

/** Where commands print. */
export interface Output {
  readonly json: boolean;
  /** Colours: only where people look. */
  readonly colour: boolean;
  /** How wide a terminal is, if it is one: lines are wrapped there. */
  readonly columns?: number | undefined;
  out(text: string): void;
  err(text: string): void;
}

const CODES = { bold: 1, red: 31, green: 32, yellow: 33, dim: 2 } as const;
export type Colour = keyof typeof CODES;

/** The text in a colour, or as it is where there are none. */
export function paint(output: Output, colour: Colour, text: string): string {
  return output.colour ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/** Prints one JSON document. */
export function printJson(output: Output, document: unknown): void {
  output.out(`${quietJson(JSON.stringify(document))}\n`);
}

/** Prints a reply: results on standard output, notes and errors on standard error; or one JSON document. */
export function printReply(output: Output, reply: Reply): number {
  if (output.json) {
    const errors = reply.remarks.filter((remark) => remark.level === 'error').map((remark) => remark.text);
    const notes = reply.remarks.filter((remark) => remark.level === 'note').map((remark) => remark.text);
    const isObject = typeof reply.data === 'object' && reply.data !== null && !Array.isArray(reply.data);
    const result = isObject ? { ...reply.data } : reply.data === undefined ? {} : { result: reply.data };
    printJson(output, {
      ...result,
      exitCode: reply.exitCode,
      ...(errors.length > 0 ? { errors } : {}),
      ...(notes.length > 0 ? { notes } : {}),
    });
    return reply.exitCode;
  }
  for (const remark of reply.remarks) printRemark(output, remark);
  return reply.exitCode;
}

function printRemark(output: Output, { level, text, hint }: Remark): void {
  if (level === 'result') output.out(`${text}\n`);
  else output.err(`${level === 'error' ? paint(output, 'red', 'knockctl:') : 'note:'} ${text}\n`);
  if (hint !== undefined) output.err(`  ${hint}\n`);
}

/** Columns, each as wide as its widest cell; the last one as long as it is. */
export function table(output: Output, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === cells.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
  return [paint(output, 'bold', line(head)), ...rows.map(line)].map((text) => `${text.trimEnd()}\n`).join('');
}

/** `4 min 59 s`, `2 h 5 min`, `12 d 3 h`: the two largest units. */
export function span(seconds: number): string {
  const units = [
    ['d', Math.floor(seconds / 86_400)],
    ['h', Math.floor(seconds / 3_600) % 24],
    ['min', Math.floor(seconds / 60) % 60],
    ['s', Math.floor(seconds) % 60],
  ] as const;
  const first = units.findIndex(([, count]) => count > 0);
  if (first === -1) return '0 s';
  return units
    .slice(first, first + 2)
    .filter(([, count]) => count > 0)
    .map(([unit, count]) => `${count} ${unit}`)
    .join(' ');
}
