/** The tables that rules of ours stand in: all of them in filter, second gates and the doors before them in mangle. */
export const TABLES = ['filter', 'mangle'] as const;
export type TableName = (typeof TABLES)[number];

/** The table of what says none: filter. */
export function tableOf({ table }: { readonly table?: TableName }): TableName {
  return table ?? 'filter';
}

/** What of it stands in a table. */
export function inTable<T extends { readonly table?: TableName }>(all: readonly T[], name: TableName): T[] {
  return all.filter((one) => tableOf(one) === name);
}
