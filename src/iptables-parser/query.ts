import type { Rule } from './rule.js';
import type { Chain, Ruleset, Table } from './document.js';

/** Returns every table, in order. */
export function tables(ruleset: Ruleset): Table[] {
  return ruleset.entries.filter((entry) => entry.kind === 'table');
}

/** Returns the first table of that name; a save has no second. */
export function findTable(ruleset: Ruleset, name: string): Table | undefined {
  return tables(ruleset).find((table) => table.name === name);
}

/** Returns the chain lines of a table, in order. */
export function chains(table: Table): Chain[] {
  return table.lines.filter((line) => line.kind === 'chain');
}

/** Returns every line of the table with a command, in order. */
export function commands(table: Table): Rule[] {
  return table.lines.filter((line) => line.kind === 'rule');
}

/** Returns the rules that the text appends or inserts into the chain, in the order of the lines. */
export function rulesOf(table: Table, chain: string): Rule[] {
  return commands(table).filter((rule) => rule.chain === chain && adds(rule));
}

/** Returns the appended or inserted rules of the table with the comment. */
export function rulesWithComment(table: Table, comment: string): Rule[] {
  return commands(table).filter((rule) => adds(rule) && rule.comments.includes(comment));
}

function adds(rule: Rule): boolean {
  return rule.command === 'append' || rule.command === 'insert';
}
