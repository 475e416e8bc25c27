import type { Clock } from '../system/clock.js';
import type { Log, LogFields } from '../system/log.js';
import type { Happening } from '../wire/control.js';
import type { HostNames } from './host-names.js';

type Level = 'error' | 'warn' | 'info' | 'debug';

/** Events kept for `knockctl events`. */
const KEPT = 1_000;

/**
 * What happened: each event goes to the log, is kept for `events`, and is shown to those who
 * follow. Bounded; the oldest are forgotten. With `names`, lines whose field `address` is the source that they are
 * about have its host name behind it, and come as late as that is found; events never wait.
 */
export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #events: Happening[] = [];
  readonly #followers = new Set<(event: Happening) => void>();
  readonly #names: Pick<HostNames, 'line'> | undefined;
  #number = 0;

  constructor(log: Log, clock: Clock, names?: Pick<HostNames, 'line'>) {
    this.#log = log;
    this.#clock = clock;
    this.#names = names;
  }

  /** Records an event; `text` is also its line in the log. */
  record(kind: string, text: string, fields: LogFields = {}, level: Level = 'info'): void {
    this.#write(level, text, fields);
    const event = { number: ++this.#number, time: this.#clock.wall().toISOString(), kind, text, fields };
    this.#events.push(event);
    if (this.#events.length > KEPT) this.#events.splice(0, this.#events.length - KEPT);
    for (const follower of this.#followers) follower(event);
  }

  /** A line for the log alone: too frequent to be an event. */
  note(text: string, fields: LogFields = {}): void {
    this.#write('info', text, fields);
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
