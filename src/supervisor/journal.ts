import type { Clock } from '../system/clock.js';
import type { Log, LogFields } from '../system/log.js';
import type { Happening } from '../wire/control.js';

type Level = 'error' | 'warn' | 'info' | 'debug';

/** Events kept for `knockctl events`. */
const KEPT = 1_000;

/**
 * What happened: each event goes to the log, is kept for `events`, and is shown to those who
 * follow. Bounded; the oldest are forgotten.
 */
export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #events: Happening[] = [];
  readonly #followers = new Set<(event: Happening) => void>();
  #number = 0;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Records an event; `text` is also its line in the log. */
  record(kind: string, text: string, fields: LogFields = {}, level: Level = 'info'): void {
    this.#log[level](text, fields);
    const event = { number: ++this.#number, time: this.#clock.wall().toISOString(), kind, text, fields };
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.splice(0, this.#events.length - KEPT);
    for (const follower of this.#followers) follower(event);
  }

  /** A line for the log alone: too frequent to be an event. */
  note(text: string): void {
    this.#log.info(text);
  }

  /** The events kept, oldest first. */
  get events(): readonly Happening[] {
    return this.#events;
  }

  /** Shows every later event to `follower`, until the result is disposed. */
  follow(follower: (event: Happening) => void): Disposable {
    this.#followers.add(follower);
    return {
      [Symbol.dispose]: () => {
        this.#followers.delete(follower);
      },
    };
  }
}
