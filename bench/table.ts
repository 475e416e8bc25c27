/** The one table that the bench prints. */
export interface Row {
  readonly what: string;
  readonly ours: string;
  /** knockd's; what else is beside it bears its name. */
  readonly theirs?: string;
  /** Ours as a part of theirs. */
  readonly ratio?: number;
  readonly target?: string;
  readonly reached?: boolean;
}

/** Of the columns behind the first, which is as wide as it must be. */
const WIDTHS = [20, 18, 10, 12, 9] as const;
const HEAD = ['', 'knockctl', 'knockd 0.8', 'ratio', 'target', 'reached'];

export function printTable(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ what }) => what.length));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(width) : cell.padStart(WIDTHS[index - 1] ?? 0)))
      .join('')
      .trimEnd();
  console.log(line(HEAD));
  for (const { what, ours, theirs = '', ratio, target = '', reached } of rows) {
    const verdict = reached === undefined ? '' : reached ? 'yes' : 'NO';
    console.log(line([what, ours, theirs, ratio === undefined ? '' : inWords(ratio), target, verdict]));
  }
}

/** A time in the unit that suits it. */
export function microseconds(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value < 1e3) return `${value.toFixed(1)} µs`;
  return value < 1e6 ? `${(value / 1e3).toFixed(2)} ms` : `${(value / 1e6).toFixed(2)} s`;
}

export function megabytes(kb: number): string {
  return `${(kb / 1024).toFixed(1)} MB`;
}

export function ofAll(part: number, all: number): string {
  return `${part} of ${all}`;
}

function inWords(ratio: number): string {
  if (!Number.isFinite(ratio)) return '–';
  return ratio < 0.01 ? `1/${Math.round(1 / ratio)}` : `${ratio.toFixed(2)}×`;
}
