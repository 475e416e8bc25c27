/** Jobs of the same name one after the other, in the order in which they came; those of other names beside them. */
export class Turns {
  readonly #last = new Map<string, Promise<unknown>>();

  async take<T>(name: string, job: () => Promise<T>): Promise<T> {
    const result = (this.#last.get(name) ?? Promise.resolve()).then(job);
    const done = result.catch(() => undefined); // a failed job is its caller's, not the next one's
    this.#last.set(name, done);
    return result;
  }
}
