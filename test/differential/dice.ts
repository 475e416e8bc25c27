/** A small seeded generator (mulberry32): the same seed gives the same numbers on every machine. */
export class Dice {
  #state: number;

  constructor(...seed: readonly number[]) {
    this.#state = 0x9e3779b9;
    for (const part of seed) this.#state = Math.imul(this.#state ^ part, 0x85ebca6b) ^ this.#next();
  }

  /** From 0 to `below` - 1. */
  number(below: number): number {
    return this.#next() % below;
  }

  /** True in so many of a hundred. */
  chance(percent: number): boolean {
    return this.number(100) < percent;
  }

  pick<T>(list: readonly T[]): T {
    const chosen = list[this.number(list.length)];
    if (chosen === undefined) throw new Error('nothing to pick from');
    return chosen;
  }

  #next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }
}
