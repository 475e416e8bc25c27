/** Jobs of one key run one after the other, in the order in which they came; those of different keys do not wait. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    // Without others before it a job begins at once.
    const mine = before === undefined ? job() : before.then(job);
    const settled = mine.catch(() => undefined); // a failed job is its caller's, not the next one's
    this.#last.set(key, settled);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
