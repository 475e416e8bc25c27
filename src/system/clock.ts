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

/** Waits for a job, but not for longer than `ms`; no timer is left that would keep the process alive. */
export async function within(clock: Clock, ms: number, job: Promise<void>): Promise<void> {
  let stopWaiting: () => void = () => undefined;
  const waited = new Promise<void>((resolve) => {
    stopWaiting = resolve;
  });
  const late = clock.after(ms, stopWaiting);
  try {
    await Promise.race([job, waited]);
  } finally {
    late[Symbol.dispose]();
  }
}
