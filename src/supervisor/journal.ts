import type { Clock } from '../system/clock.js';
import type { Log, LogFields } from '../system/log.js';
import type { Happening } from '../wire/control.js';
import { EVENTS_KEPT } from '../wire/history.js';
import type { EventHistory } from './event-history.js';
import type { HostNames } from './host-names.js';

type Level = 'error' | 'warn' | 'info' | 'debug';

export interface JournalParts {
  /** Without one, events are forgotten with us. */
  readonly history?: Pick<EventHistory, 'read' | 'append'> | undefined;
  readonly names?: Pick<HostNames, 'line'> | undefined;
}

/**
 * What happened: each event goes to the log and to the history, is kept for `events`, and is shown to those who
 * follow. Bounded; the oldest are forgotten. With `names`, lines whose field `address` is the source that they are
 * about have its host name behind it, and come as late as that is found; events never wait.
 */
export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #history: Pick<EventHistory, 'read' | 'append'> | undefined;
  readonly #followers = new Set<(event: Happening) => void>();
  readonly #names: Pick<HostNames, 'line'> | undefined;
  #kept: Happening[] | undefined;

  constructor(log: Log, clock: Clock, { history, names }: JournalParts = {}) {
    this.#log = log;
    this.#clock = clock;
    this.#history = history;
    this.#names = names;
  }

  /** Records an event; `text` is also its line in the log. */
  record(kind: string, text: string, fields: LogFields = {}, level: Level = 'info'): void {
    this.#write(level, text, fields);
    const events = this.#load();
    const number = (events.at(-1)?.number ?? 0) + 1;
    const event = { number, time: this.#clock.wall().toISOString(), kind, text, fields };
    events.push(event);
    if (events.length > EVENTS_KEPT) events.splice(0, events.length - EVENTS_KEPT);
    this.#history?.append(event);
    for (const follower of this.#followers) follower(event);
  }

  /** A line for the log alone: too frequent to be an event. */
  note(text: string, fields: LogFields = {}): void {
    this.#write('info', text, fields);
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

  #write(level: Level, text: string, fields: LogFields): void {
    const { address } = fields;
    if (this.#names === undefined || typeof address !== 'string') {
      this.#log[level](text, fields);
      return;
    }
    this.#names.line(address, (host) => {
      if (host === undefined) this.#log[level](text, fields);
      else this.#log[level](withHost(text, address, host), { ...fields, host });
    });
  }
}

/** `IP (HOST): …`, as knockd writes it with -l (measured with 0.8); lines that begin otherwise stay as they are. */
function withHost(text: string, address: string, host: string): string {
  return text.startsWith(`${address}: `) ? `${address} (${host})${text.slice(address.length)}` : text;
}
