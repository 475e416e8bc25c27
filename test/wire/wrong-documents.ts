/** A document with one thing wrong, and where that is. */
export interface WrongDocument {
  readonly where: string;
  readonly document: unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** What no field of ours is; a list, besides, where none is expected. */
const WRONG: readonly unknown[] = [{ wrong: true }, [[]]];

/** Whatever a field may be, it may be absent or null as the type says: both are asked for by name. */
export interface Allowed {
  /** Paths whose field may be left out, such as `rules.0.awaits`. */
  readonly absent?: readonly string[];
  readonly null?: readonly string[];
  /** Paths of which anything is believed. */
  readonly any?: readonly string[];
}

/** All documents that differ from a right one in one field: of another type, null, or left out. */
export function wrongDocuments(right: unknown, allowed: Allowed = {}, path = ''): WrongDocument[] {
  if (allowed.any?.includes(path) === true) return [];
  const own = [...WRONG, ...(allowed.null?.includes(path) === true ? [] : [null])].map((document, index) => ({
    where: `${path} is wrong (${index})`,
    document,
  }));
  const isList = Array.isArray(right);
  if (typeof right !== 'object' || right === null) return own;
  const fields = right as Fields;
  const below = Object.entries(fields).flatMap(([key, value]) => {
    const at = path === '' ? key : `${path}.${key}`;
    const put = (field: unknown): unknown =>
      isList
        ? right.map((item: unknown, index) => (String(index) === key ? field : item))
        : { ...fields, [key]: field };
    const inside = wrongDocuments(value, allowed, at).map(({ where, document }) => ({
      where,
      document: put(document),
    }));
    if (isList || allowed.absent?.includes(at) === true) return inside;
    const rest = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
    return [...inside, { where: `${at} is left out`, document: rest }];
  });
  return [...own, ...below];
}
