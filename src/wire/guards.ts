/** Guards for what comes in from another process: nothing is believed before it was looked at. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A whole number from `min` to `max`. */
export function isCount(value: unknown, min = 0, max = Number.MAX_SAFE_INTEGER): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

/** A string of at most `max` UTF-16 units. */
export function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max;
}

/** An array of at most `max` items that all pass `check`. */
export function isList<T>(
  value: unknown,
  max: number,
  check: (item: unknown) => item is T,
): value is readonly T[] {
  return Array.isArray(value) && value.length <= max && value.every(check);
}

/** True where the object has no other keys than these: an unknown field is a sign of something wrong. */
export function hasOnly(fields: Fields, keys: readonly string[]): boolean {
  return Object.keys(fields).every((key) => keys.includes(key));
}

/** Proves that a value is what it should be. */
export type TypeGuard<T> = (value: unknown) => value is T;

export const isString: TypeGuard<string> = (value) => typeof value === 'string';
export const isNumber: TypeGuard<number> = (value) => typeof value === 'number';
export const isBoolean: TypeGuard<boolean> = (value) => typeof value === 'boolean';

/** One of these and nothing else. */
export function oneOf<T extends string | number | boolean>(...known: readonly T[]): TypeGuard<T> {
  return (value): value is T => known.some((one) => one === value);
}

export function nullOr<T>(guard: TypeGuard<T>): TypeGuard<T | null> {
  return (value): value is T | null => value === null || guard(value);
}

/** For a field that may be absent. */
export function optional<T>(guard: TypeGuard<T>): TypeGuard<T | undefined> {
  return (value): value is T | undefined => value === undefined || guard(value);
}

export function listOf<T>(guard: TypeGuard<T>): TypeGuard<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(guard);
}

/**
 * An object whose fields each pass their guard; none of the type's fields can be left out. It may have more: the other process may be
 * of a later version.
 */
export function shapeOf<T>(guards: { readonly [K in keyof T]-?: TypeGuard<T[K]> }): TypeGuard<T> {
  const checks = Object.entries<TypeGuard<unknown>>(guards);
  return (value): value is T => isFields(value) && checks.every(([key, guard]) => guard(value[key]));
}
