import { TokenBucket } from '../../base/token-bucket.js';
import type { Clock, Timer } from '../../system/clock.js';

/** Bans by doors that are told one by one: what strangers cause must neither fill a disk nor push all else out of the history. */
const RATE = 2;
const BURST = 100;
/** The others are summed up so often at most. */
const EVERY_MS = 10_000;

/** What is told of the doors that ban. */
export class BanLogBudget {
  readonly #clock: Clock;
  readonly #say: (door: string, count: number) => void;
  readonly #budget: TokenBucket;
  readonly #untold = new Map<string, number>();
  #timer: Timer | undefined;

  constructor(clock: Clock, say: (door: string, count: number) => void) {
    this.#clock = clock;
    this.#say = say;
    this.#budget = new TokenBucket(RATE, BURST, clock.nowMs());
  }

  /** True where one more is to be told; else it is counted. */
  take(door: string): boolean {
    if (this.#budget.take(this.#clock.nowMs())) return true;
    this.#untold.set(door, (this.#untold.get(door) ?? 0) + 1);
    this.#timer ??= this.#clock.after(EVERY_MS, () => {
      this.flush();
    });
    return false;
  }

  /** Says now what has not been said yet. */
  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const untold = [...this.#untold];
    this.#untold.clear();
    for (const [door, count] of untold) this.#say(door, count);
  }
}
