import type { Clock, Timer } from '../../system/clock.js';

const EVERY_MS = 1_000;

/** Counts what is dropped, and says it in one line a second at most: what floods us must not flood the log. */
export class CountedWarning {
  readonly #clock: Clock;
  readonly #say: (count: number) => void;
  #count = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, say: (count: number) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  add(): void {
    this.#count++;
    this.#timer ??= this.#clock.after(EVERY_MS, () => {
      this.flush();
    });
  }

  /** Says now what has not been said yet. */
  flush(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const count = this.#count;
    this.#count = 0;
    if (count > 0) this.#say(count);
  }
}
