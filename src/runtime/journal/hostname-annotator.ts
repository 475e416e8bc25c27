import { TokenBucket } from '../../base/token-bucket.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { ReverseResolver } from '../../system/resolver.js';

/** Writes a line, with the name of its source, or without. */
type WriteLine = (name: string | undefined) => void;

interface HostnameAnnotatorParts {
  readonly clock: Clock;
  readonly lookUp: ReverseResolver;
}

/** Look-ups at the same time, and sources that wait for theirs. */
const MAX_RUNNING = 8;
const MAX_WAITING = 100;
/** Look-ups a second in the long run, and at once: sources can be forged, name servers belong to others. */
const RATE = 10;
const BURST = 100;
/** No line waits for longer than this, and no more lines of one source than that. */
const LATEST_MS = 5_000;
const MAX_LINES = 64;
/** What was found is known for so long; and that nothing was found. */
const KNOWN_MS = 300_000;
const UNKNOWN_MS = 60_000;
const MAX_KNOWN = 1_000;

interface Pending {
  readonly lines: WriteLine[];
  readonly late: Timer;
}

interface Known {
  readonly name: string | undefined;
  readonly untilMs: number;
}

/**
 * Holds the lines of a source back while its host name is looked up, and then writes them in their order: only lines
 * wait, nothing else does. Everything is bounded, in number and in time; what is over a bound is written at once,
 * without a name.
 */
export class HostnameAnnotator {
  readonly #parts: HostnameAnnotatorParts;
  readonly #budget: TokenBucket;
  readonly #pending = new Map<string, Pending>();
  readonly #known = new Map<string, Known>();
  readonly #queue: string[] = [];
  readonly #ending = new AbortController();
  #running = 0;

  constructor(parts: HostnameAnnotatorParts) {
    this.#parts = parts;
    this.#budget = new TokenBucket(RATE, BURST, parts.clock.nowMs());
  }

  /** Writes a line about a source, now or as soon as its name is known. */
  line(address: string, write: WriteLine): void {
    const pending = this.#pending.get(address);
    if (pending !== undefined && pending.lines.length < MAX_LINES) {
      pending.lines.push(write);
      return;
    }
    if (pending !== undefined) this.#settle(address, undefined);
    const known = this.#recall(address);
    if (known !== undefined) write(known.name);
    else if (this.#mayAsk()) this.#ask(address, write);
    else write(undefined);
  }

  /** Writes what is held back, ends the look-ups, and begins no other. */
  close(): void {
    this.#ending.abort();
    this.#queue.length = 0;
    for (const address of [...this.#pending.keys()]) this.#settle(address, undefined);
  }

  #recall(address: string): Known | undefined {
    const known = this.#known.get(address);
    return known === undefined || known.untilMs <= this.#parts.clock.nowMs() ? undefined : known;
  }

  #mayAsk(): boolean {
    if (this.#ending.signal.aborted || this.#queue.length >= MAX_WAITING) return false;
    return this.#budget.take(this.#parts.clock.nowMs());
  }

  #ask(address: string, write: WriteLine): void {
    const late = this.#parts.clock.after(LATEST_MS, () => {
      this.#settle(address, undefined);
    });
    this.#pending.set(address, { lines: [write], late });
    this.#queue.push(address);
    this.#next();
  }

  #next(): void {
    while (this.#running < MAX_RUNNING) {
      const address = this.#queue.shift();
      if (address === undefined) return;
      // Nobody waits for it any more: its lines have been written.
      if (this.#pending.has(address)) void this.#lookUp(address);
    }
  }

  async #lookUp(address: string): Promise<void> {
    this.#running++;
    const name = await this.#parts.lookUp(address, this.#ending.signal);
    this.#running--;
    this.#settle(address, name);
    this.#next();
  }

  #settle(address: string, name: string | undefined): void {
    const lifeMs = name === undefined ? UNKNOWN_MS : KNOWN_MS;
    this.#known.delete(address);
    this.#known.set(address, { name, untilMs: this.#parts.clock.nowMs() + lifeMs });
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MAX_KNOWN) break;
      this.#known.delete(oldest);
    }
    const pending = this.#pending.get(address);
    if (pending === undefined) return;
    this.#pending.delete(address);
    pending.late[Symbol.dispose]();
    for (const write of pending.lines) write(name);
  }
}
