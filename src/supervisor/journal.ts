import type { Clock } from '../system/clock.js';
import type { Log, LogFields } from '../system/log.js';
import type { Happening } from '../wire/control.js';
import { EVENTS_KEPT } from '../wire/history.js';
import type { EventHistory } from './event-history.js';

type Level = 'error' | 'warn' | 'info' | 'debug';

/**
 * What happened: each event goes to the log and to the history, is kept for `events`, and is shown to those who
 * follow. Bounded; the oldest are forgotten.
 */
export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #history: Pick<EventHistory, 'read' | 'append'> | undefined;
  readonly #followers = new Set<(event: Happening) => void>();
  #kept: Happening[] | undefined;

  /** Without a history, events are forgotten with us. */
  constructor(log: Log, clock: Clock, history?: Pick<EventHistory, 'read' | 'append'>) {
    this.#log = log;
    this.#clock = clock;
    this.#history = history;
  }

  /** Records an event; `text` is also its line in the log. */
  record(kind: string, text: string, fields: LogFields = {}, level: Level = 'info'): void {
    this.#log[level](text, fields);
    const events = this.#load();
    const number = (events.at(-1)?.number ?? 0) + 1;
    const event = { number, time: this.#clock.wall().toISOString(), kind, text, fields };
    events.push(event);
    if (events.length > EVENTS_KEPT) events.splice(0, events.length - EVENTS_KEPT);
    this.#history?.append(event);
    for (const follower of this.#followers) follower(event);
  }

  /** A line for the log alone: too frequent to be an event. */
  note(text: string): void {
    this.#log.info(text);
  }

  /** The events kept, oldest first, those of earlier lives among them. */
  get events(): readonly Happening[] {
    return this.#load();
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

  /** The history is read when it is first needed: most commands never do. */
  #load(): Happening[] {
    this.#kept ??= this.#history?.read() ?? [];
    return this.#kept;
  }
}
