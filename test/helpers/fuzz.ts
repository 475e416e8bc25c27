import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';

/** How many items a fuzz test takes: what the environment variable says, as in `npm run test:fuzz`, or the short amount. */
export function amountOf(variable: 'FUZZ_PACKETS' | 'FUZZ_FILES', short: number): number {
  const given = Number(process.env[variable] ?? short);
  assert.ok(Number.isInteger(given) && given > 0, `${variable} is to be a number of items`);
  return given;
}

/** A small generator of numbers of 32 bits, the same for a seed each time (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** Wall time of one item, in milliseconds: a busy machine may take the processor away for long. */
const ITEM_LIMIT_MS = 1_000;
/** What the process may grow by once it has warmed up, in bytes: the garbage of V8 is collected late. */
const GROWTH_LIMIT = 96 * 1024 * 1024;
const SAMPLE_EVERY = 2_048;

/** Watches over a fuzz run: no item takes too long, and memory stays where it was after the first tenth. */
export class FuzzWatch {
  readonly #amount: number;
  readonly #begunMs = performance.now();
  #done = 0;
  #slowestMs = 0;
  #slowest = '';
  #warmRss = 0;
  #peakRss = 0;

  constructor(amount: number) {
    this.#amount = amount;
  }

  /** Runs one item; `describe` says what it was, for a failure. */
  item<T>(act: () => T, describe: () => string): T {
    const before = performance.now();
    let result: T;
    try {
      result = act();
    } catch (cause) {
      throw new Error(`item ${this.#done} of the run: ${String(cause)}: ${describe()}`, { cause });
    }
    const tookMs = performance.now() - before;
    if (tookMs > this.#slowestMs) {
      this.#slowestMs = tookMs;
      this.#slowest = describe();
      assert.ok(tookMs < ITEM_LIMIT_MS, `${tookMs} ms for one item: ${this.#slowest}`);
    }
    this.#done += 1;
    if (this.#done % SAMPLE_EVERY === 0) this.#sample();
    return result;
  }

  /** Asserts that the memory stayed, and notes the numbers of the run with the test. */
  finish(test: TestContext): void {
    this.#sample();
    const seconds = ((performance.now() - this.#begunMs) / 1_000).toFixed(1);
    const [peak, warm] = [this.#peakRss, this.#warmRss].map((bytes) => Math.round(bytes / 1_048_576));
    const slowest = `slowest ${this.#slowestMs.toFixed(2)} ms: ${this.#slowest.slice(0, 200)}`;
    test.diagnostic(
      `${this.#done} items in ${seconds} s, RSS ${warm} MB warm, ${peak} MB at most, ${slowest}`,
    );
    assert.equal(this.#done, this.#amount);
    assert.ok(this.#peakRss - this.#warmRss < GROWTH_LIMIT, `from ${warm} to ${peak} MB`);
  }

  #sample(): void {
    const rss = process.memoryUsage.rss();
    this.#peakRss = Math.max(this.#peakRss, rss);
    if (this.#warmRss === 0 || this.#done <= this.#amount / 10) this.#warmRss = this.#peakRss;
  }
}
