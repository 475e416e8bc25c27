/** The result of checking input: a refusal that users cause is a reply, not an exception. */
export type Result<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string };

/** Returns a good result. */
export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

/** Returns a refusal: `reason` names the value and says what would be right. */
export function refuse(reason: string): { readonly ok: false; readonly reason: string } {
  return { ok: false, reason };
}
