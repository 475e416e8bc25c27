/** A timer that runs until it is disposed. */
export interface Timer {
  [Symbol.dispose](): void;
}

/** Time as the rest of the code sees it, so that tests can move it. */
export interface Clock {
  /** Monotonic milliseconds: for every duration. Says nothing about the time of day. */
  nowMs(): number;
  /** The wall clock: for logs, and for what outlives a reboot. */
  wall(): Date;
  after(ms: number, run: () => void): Timer;
  every(ms: number, run: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wall: () => new Date(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    return {
      [Symbol.dispose]: () => {
        clearTimeout(handle);
      },
    };
  },
  every(ms, run) {
    const handle = setInterval(run, ms);
    return {
      [Symbol.dispose]: () => {
        clearInterval(handle);
      },
    };
  },
};
