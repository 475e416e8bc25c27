/**
 * The tables that may hold knockctl's rules: filter by default; mangle for strict gates and the doors in front of them.
 */
export const TABLES = ['filter', 'mangle'] as const;
export type TableName = (typeof TABLES)[number];

/** Returns the table, filter by default. */
export function tableOf({ table }: { readonly table?: TableName }): TableName {
  return table ?? 'filter';
}

/** Returns the items that belong to a table. */
export function inTable<T extends { readonly table?: TableName }>(all: readonly T[], name: TableName): T[] {
  return all.filter((one) => tableOf(one) === name);
}
