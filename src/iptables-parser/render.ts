import type { Ruleset, Table } from './document.js';

/** The text of a ruleset: what parse read, or input for iptables-restore where it was made by hand. */
export function render(ruleset: Ruleset): string {
  const lines = ruleset.entries.flatMap((entry) =>
    entry.kind === 'table' ? tableLines(entry) : [entry.text],
  );
  const text = lines.join('\n');
  return ruleset.finalNewline && lines.length > 0 ? `${text}\n` : text;
}

function tableLines(table: Table): string[] {
  return [`*${table.name}`, ...table.lines.map((line) => line.text), 'COMMIT'];
}
