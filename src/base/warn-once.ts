/**
 * Remembers which problems have been reported, so that each is reported once, and once more if it has gone and comes back. A
 * problem has a key, such as the file that it is about, and may have a reason.
 */
export class WarnOnce<K = string> {
  #current = new Map<K, string>();

  /** True if the problem is to be reported: it is new, or there is another reason than before. */
  begins(key: K, reason = ''): boolean {
    if (this.#current.get(key) === reason) return false;
    this.#current.set(key, reason);
    return true;
  }

  /** True if the problem was there: that it is over may be reported. */
  ends(key: K): boolean {
    return this.#current.delete(key);
  }

  /** Takes all that is wrong now: which problems are new, and which are over. */
  update(keys: Iterable<K>): { readonly begun: readonly K[]; readonly over: readonly K[] } {
    const before = this.#current;
    this.#current = new Map([...keys].map((key) => [key, '']));
    return {
      begun: [...this.#current.keys()].filter((key) => !before.has(key)),
      over: [...before.keys()].filter((key) => !this.#current.has(key)),
    };
  }
}
