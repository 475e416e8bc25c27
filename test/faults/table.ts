import type { Verdict } from './runner.js';

const HEADINGS = ['row', 'fault', 'back end', 'IP', 'measured', 'promise', 'verdict'];
/** Cells are cut at so many characters. */
const WIDEST = [4, 58, 8, 4, 44, 56, 20];

/** The verdicts as a table, by row; `k`: with doors in the kernel. */
export function table(verdicts: readonly Verdict[]): string {
  const sorted = [...verdicts].sort((one, other) => one.row.number - other.row.number);
  const lines = [HEADINGS, ...sorted.map(cells)];
  const widths = HEADINGS.map((_, column) =>
    Math.min(WIDEST[column] ?? 0, Math.max(...lines.map((line) => line[column]?.length ?? 0))),
  );
  const text = lines.map((line) =>
    line
      .map((cell, column) => cut(cell, widths[column] ?? 0))
      .join(' | ')
      .trimEnd(),
  );
  const rule = widths.map((width) => '-'.repeat(width)).join('-+-');
  return [text[0], rule, ...text.slice(1)].join('\n') + '\n';
}

/** One verdict in a line, as it comes. */
export function line(verdict: Verdict): string {
  const [number, fault, backend, family, measured, , said] = cells(verdict);
  return `${said}: row ${number} ${backend} ${family}: ${fault}: ${measured}, whole run ${verdict.seconds.toFixed(0)} s\n`;
}

function cells(verdict: Verdict): string[] {
  const { row, backend, family, broken } = verdict;
  return [
    String(row.number),
    row.fault,
    backend,
    `v${family}${verdict.kernelDoors === true ? ' k' : ''}`,
    measuredText(verdict),
    row.promise,
    broken === undefined ? 'kept' : 'BROKEN',
  ];
}

function measuredText({ measured, slowestEchoMs }: Verdict): string {
  const { ms, limitMs, lostMs, words } = measured;
  const lost = lostMs === undefined ? '' : ` + ${seconds(lostMs)} lost`;
  const limit = limitMs === undefined ? '' : ` of ${seconds(limitMs)}${lost}`;
  const time = ms === undefined ? [] : [`${seconds(ms)}${limit} s`];
  const echo = `echo ≤ ${seconds(slowestEchoMs)} s`;
  return [...time, ...(words === undefined ? [] : [words]), echo].join('; ');
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(ms < 100 ? 2 : 1);
}

function cut(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}
