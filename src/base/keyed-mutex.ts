/** Runs jobs of one key one after the other, in order of arrival; jobs of different keys do not wait for each other. */
export class KeyedMutex {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, job: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    // Without earlier jobs, a job starts at once.
    const result = before === undefined ? job() : before.then(job);
    const settled = result.catch(() => undefined); // a failure affects only its own caller
    this.#last.set(key, settled);
    try {
      return await result;
    } finally {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    }
  }
}
