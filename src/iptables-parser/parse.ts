import { ParseError } from './error.js';
import { readHead } from './head.js';
import { checkLine } from './line.js';
import { Rule } from './rule.js';
import { closingQuote, findQuotes } from './words.js';
import type { Chain, Remark, Ruleset, Table, TableLine } from './document.js';

/** Longest comment that the kernel holds, in bytes. */
const MAX_COMMENT = 255;

const TABLE = /^\*([^ \t]+)$/;
const CHAIN = /^:[ \t]*([^ \t]+)[ \t]+([A-Z]+|-)(?:[ \t]+\[([0-9]{1,20}):([0-9]{1,20})\])?[ \t]*$/;
const COMMIT = 'COMMIT';

interface OpenTable {
  readonly name: string;
  readonly line: number;
  readonly text: string;
  readonly lines: TableLine[];
}

/**
 * Reads the output of iptables-save or ip6tables-save of either back end, or input for
 * iptables-restore. `render` gives the same text back. Throws ParseError. The empty text, which
 * iptables-restore takes for a success, is a ruleset without entries.
 */
export function parse(text: string): Ruleset {
  const lines = text.split('\n');
  // What split leaves after the last line break.
  const finalNewline = lines.length > 1 && lines.at(-1) === '';
  if (finalNewline || text === '') lines.pop();
  const entries: (Remark | Table)[] = [];
  let table: OpenTable | undefined;
  for (let index = 0; index < lines.length; index += 1) {
    const first = index + 1;
    checkLine(lines[index] ?? '', first);
    const logical = joinComment(lines, index);
    if (logical.includes('\n')) {
      index += logical.split('\n').length - 1;
      checkLine(logical, first);
    }
    const remark = readRemark(logical);
    if (table === undefined) {
      if (remark === undefined) table = openTable(logical, first);
      else entries.push(remark);
    } else if (logical === COMMIT) {
      entries.push({ kind: 'table', name: table.name, lines: table.lines });
      table = undefined;
    } else {
      table.lines.push(remark ?? readTableLine(logical, first, table));
    }
  }
  if (table !== undefined) {
    throw new ParseError(`table ${table.name} has no COMMIT`, table.line, table.text);
  }
  return { entries, finalNewline };
}

/**
 * The line at `index`, with the lines after it where iptables-save printed a comment with line breaks.
 * Such a comment is told from a forgotten quote by its place (a word of its own after `--comment`), its
 * length and the blank that follows the closing quote; all else is left for the check of quotes.
 */
function joinComment(lines: readonly string[], index: number): string {
  const line = lines[index] ?? '';
  if (!line.includes('"') || line.startsWith('#')) return line;
  let text = line;
  let next = index + 1;
  let settled = 0;
  for (;;) {
    const { open } = findQuotes(text, settled);
    if (open === undefined) return text;
    if (!text.slice(settled, open).endsWith(' --comment ')) return line;
    let end = -1;
    while (end === -1) {
      // Every byte of the comment may have a backslash before it.
      if (next >= lines.length || text.length - open > 1 + 2 * MAX_COMMENT) return line;
      text += `\n${lines[next] ?? ''}`;
      next += 1;
      end = closingQuote(text, open + 1);
    }
    settled = end + 1;
    if (settled < text.length && text[settled] !== ' ') return line;
  }
}

function readRemark(text: string): Remark | undefined {
  return text === '' || text.startsWith('#') ? { kind: 'remark', text } : undefined;
}

function openTable(text: string, line: number): OpenTable {
  const name = TABLE.exec(text)?.[1];
  if (name !== undefined) return { name, line, text, lines: [] };
  if (text.startsWith('*')) throw new ParseError('* needs the name of one table after it', line, text);
  throw new ParseError('outside a table; a line such as *filter must come first', line, text);
}

function readTableLine(text: string, line: number, table: OpenTable): Chain | Rule {
  if (text.startsWith(':')) return readChain(text, line);
  if (text.startsWith('*')) {
    throw new ParseError(
      `table ${table.name}, begun in line ${table.line}, has no COMMIT before the next`,
      line,
      text,
    );
  }
  return new Rule(text, readHead(text, line));
}

function readChain(text: string, line: number): Chain {
  const [whole, name, policy, packets, bytes] = CHAIN.exec(text) ?? [];
  if (whole === undefined || name === undefined || policy === undefined) {
    throw new ParseError(
      'a chain line must be :NAME POLICY [packets:bytes], with - for no policy',
      line,
      text,
    );
  }
  const counters =
    packets === undefined || bytes === undefined
      ? undefined
      : { packets: BigInt(packets), bytes: BigInt(bytes) };
  return { kind: 'chain', text, name, policy, counters };
}
