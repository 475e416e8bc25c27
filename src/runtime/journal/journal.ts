import { TokenBucket } from '../../base/token-bucket.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { Log, LogFields } from '../../system/log.js';
import type { EventRecord } from '../../wire/control.js';
import { EVENTS_KEPT, isByStrangers } from '../../wire/history.js';
import type { EventHistory } from './event-history.js';
import type { HostnameAnnotator } from './hostname-annotator.js';

type Level = 'error' | 'warn' | 'info' | 'debug';

interface JournalParts {
  /** Without one, events are forgotten with us. */
  readonly history?: Pick<EventHistory, 'read' | 'append'> | undefined;
  readonly names?: Pick<HostnameAnnotator, 'line'> | undefined;
}

/**
 * Lines and events that strangers cause, in the long run and at once: each packet of theirs may cause some, and its source may be
 * forged. The others are counted, and told as a number.
 */
const STRANGERS_RATE = 20;
const STRANGERS_BURST = 2_000;
const SUM_UP_MS = 10_000;

/**
 * What happened: each event goes to the log and to the history, is kept for `events`, and is shown to those who
 * follow. Bounded; the oldest are forgotten, of those that strangers cause and of the others each for themselves. With `names`, lines whose field `address` is the source that they are
 * about have its host name behind it, and come as late as that is found; events never wait.
 */
export class Journal {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #history: Pick<EventHistory, 'read' | 'append'> | undefined;
  readonly #followers = new Set<(event: EventRecord) => void>();
  readonly #names: Pick<HostnameAnnotator, 'line'> | undefined;
  readonly #budget: TokenBucket;
  /** What was not told, by the name of the door; empty: of none. */
  readonly #untold = new Map<string, number>();
  #sumUp: Timer | undefined;
  /** Those that strangers cause, and the others: each for themselves, oldest first. */
  #kept: { readonly strangers: EventRecord[]; readonly others: EventRecord[] } | undefined;
  #last = 0;

  constructor(log: Log, clock: Clock, { history, names }: JournalParts = {}) {
    this.#log = log;
    this.#clock = clock;
    this.#history = history;
    this.#names = names;
    this.#budget = new TokenBucket(STRANGERS_RATE, STRANGERS_BURST, clock.nowMs());
  }

  /** Records an event; `text` is also its line in the log. */
  record(kind: string, text: string, fields: LogFields = {}, level: Level = 'info'): void {
    const isTheirs = isByStrangers({ kind, fields });
    // Who used a one-time sequence had the secret; a number of knocks sums up.
    const isSum = fields['count'] !== undefined && fields['address'] === undefined;
    const isBounded = isTheirs && kind !== 'door' && !isSum;
    if (isBounded && !this.#mayTell(fields)) return;
    this.#write(level, text, fields);
    const { strangers, others } = this.#load();
    const events = isTheirs ? strangers : others;
    this.#last += 1;
    const event = { number: this.#last, time: this.#clock.wall().toISOString(), kind, text, fields };
    events.push(event);
    if (events.length > EVENTS_KEPT) events.splice(0, events.length - EVENTS_KEPT);
    this.#history?.append(event);
    for (const follower of this.#followers) follower(event);
  }

  /** A line for the log alone: too frequent to be an event. With `address`, it is about a stranger's packet. */
  line(text: string, fields: LogFields = {}): void {
    if (typeof fields['address'] === 'string' && !this.#mayTell(fields)) return;
    this.#write('info', text, fields);
  }

  /** The events kept, oldest first, those of earlier lives among them. */
  get events(): readonly EventRecord[] {
    const { strangers, others } = this.#load();
    return [...strangers, ...others].sort((a, b) => a.number - b.number);
  }

  /** Says now how much has not been told. */
  tellUntold(): void {
    this.#sumUp?.[Symbol.dispose]();
    this.#sumUp = undefined;
    const untold = [...this.#untold];
    this.#untold.clear();
    for (const [door, count] of untold) {
      const about = door === '' ? {} : { door };
      const text = `${door === '' ? '' : `${door}: `}${count} lines about knocks are left out: a scan, or a flood of forged packets`;
      this.record('knock', text, { ...about, count }, 'warn');
    }
  }

  /** Shows every later event to `follower`, until the result is disposed. */
  follow(follower: (event: EventRecord) => void): Disposable {
    this.#followers.add(follower);
    return {
      [Symbol.dispose]: () => {
        this.#followers.delete(follower);
      },
    };
  }

  /** The history is read when it is first needed: most commands never do. */
  #load(): { readonly strangers: EventRecord[]; readonly others: EventRecord[] } {
    if (this.#kept !== undefined) return this.#kept;
    const all = this.#history?.read() ?? [];
    this.#last = all.at(-1)?.number ?? 0;
    this.#kept = {
      strangers: all.filter(isByStrangers).slice(-EVENTS_KEPT),
      others: all.filter((event) => !isByStrangers(event)).slice(-EVENTS_KEPT),
    };
    return this.#kept;
  }

  #mayTell({ door }: LogFields): boolean {
    if (this.#budget.take(this.#clock.nowMs())) return true;
    const name = typeof door === 'string' ? door : '';
    this.#untold.set(name, (this.#untold.get(name) ?? 0) + 1);
    this.#sumUp ??= this.#clock.after(SUM_UP_MS, () => {
      this.tellUntold();
    });
    return false;
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
