import type { Clock, Timer } from '../../src/system/clock.js';

interface Waiting {
  dueMs: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  readonly #timers = new Set<Waiting>();

  nowMs(): number {
    return this.#nowMs;
  }

  wall(): Date {
    return new Date(Date.UTC(2030, 0, 1) + this.#nowMs);
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: undefined, run });
  }

  every(ms: number, run: () => void): Timer {
    return this.#add({ dueMs: this.#nowMs + ms, everyMs: ms, run });
  }

  /** Timers that have not run out and were not disposed: what a test counts at its end. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Moves on, and runs what comes due on the way, in order, each at its own time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter((timer) => timer.dueMs <= endMs);
      const [next] = due.sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined) break;
      this.#nowMs = next.dueMs;
      if (next.everyMs === undefined) this.#timers.delete(next);
      else next.dueMs += next.everyMs;
      next.run();
    }
    this.#nowMs = endMs;
  }

  #add(timer: Waiting): Timer {
    this.#timers.add(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers.delete(timer);
      },
    };
  }
}
