import type { Rule } from './rule.js';
import type { Chain, Ruleset, Table } from './document.js';

/** Every table, in order. */
export function tables(ruleset: Ruleset): Table[] {
  return ruleset.entries.filter((entry) => entry.kind === 'table');
}

/** The first table of that name; a save has no second. */
export function findTable(ruleset: Ruleset, name: string): Table | undefined {
  return tables(ruleset).find((table) => table.name === name);
}

/** The chain lines of a table, in order. */
export function chains(table: Table): Chain[] {
  return table.lines.filter((line) => line.kind === 'chain');
}

/** Every line of the table with a command, in order. */
export function commands(table: Table): Rule[] {
  return table.lines.filter((line) => line.kind === 'rule');
}

/** The rules that the text appends to the chain, or inserts, in the order of the lines. */
export function rulesOf(table: Table, chain: string): Rule[] {
  return commands(table).filter((rule) => rule.chain === chain && adds(rule));
}

/** The rules of the table, appended or inserted, that have the comment. */
export function rulesWithComment(table: Table, comment: string): Rule[] {
  return commands(table).filter((rule) => adds(rule) && rule.comments.includes(comment));
}

function adds(rule: Rule): boolean {
  return rule.command === 'append' || rule.command === 'insert';
}
