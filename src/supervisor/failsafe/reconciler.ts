import type { SerialQueue } from '../../base/serial-queue.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import { errorText, EXIT, KnockError } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { Clock, Timer } from '../../system/clock.js';
import { isQuiet, MAX_REPAIRS, noteRepair, type Repairs } from './conflict-backoff.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { repairs, type Event } from './state-machine.js';
import type { State } from '../../wire/state.js';
import { UnreadableRulesWarning } from './unreadable-rules-warning.js';

/** What can name the author of a change. */
export interface Authors {
  /** Resolves once the authors of changes until now have been named, if anything can: within a third of a second. */
  readonly catchUp: () => Promise<void>;
  /** Why a change has no author. */
  readonly silence: () => string;
  /** The last program that was seen to change rules; undefined: none is known. */
  readonly last: () => string | undefined;
}

/** Tells whether anybody has changed a rule. */
export interface RulesetRevision {
  /** Stays the same for as long as nobody has changed a rule; undefined if that is not certain. */
  revision(): string | undefined;
}

/** What follows from a look at rules and sets. */
export interface ReconcilerObserver {
  /** A look found everything right, or put it right. */
  onVerified(): void;
  /** A look came to its end, or is put off for a good reason: the supervisor is as alive as it can be. */
  onVerifyAttempt(): void;
}

interface ReconcilerParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly active: Pick<ActiveGeneration, 'current'>;
  readonly queue: SerialQueue;
  readonly state: () => State;
  readonly ruleset: RulesetRevision;
  readonly authors: Authors;
  readonly event: (event: Event, reason: string) => void;
  readonly observer: ReconcilerObserver;
}

/** The last repair, for `status`. */
interface LastRepair {
  readonly time: Date;
  readonly text: string;
}

/** After a change by others we look this soon, and not more often than this: some programs change rules all the time. */
const RECHECK_DELAY_MS = 50;
const MIN_INTERVAL_MS = 400;
/** Culprits remembered from one look to the next. */
const MAX_AUTHORS = 5;

/**
 * Keeps our rules and sets as they should be: looks at each heartbeat, and at once when somebody is
 * seen to change them; repairs, and says who it was; stops where somebody keeps undoing it. A look at the rules starts two
 * processes: where it is certain that no rule has changed since the last one, a heartbeat looks at the sets alone.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  #repairs: Repairs = [];
  #authors: string[] = [];
  /** The last one that was seen: a look by the heartbeat may come before the monitor has told who it was. */
  #lastAuthor: string | undefined;
  #changedMs = -Infinity;
  #reconciling = false;
  /** The rules that were right at the last look, and who can tell that they have not changed since. */
  #verified: { readonly firewall: Firewall; readonly revision: string | undefined } | undefined;
  #verifiedMs = -Infinity;
  #soon: Timer | undefined;
  readonly #once = new WarnOnce();
  #last: LastRepair | undefined;
  #count = 0;
  readonly #unread: UnreadableRulesWarning;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    this.#unread = new UnreadableRulesWarning(parts.journal);
  }

  get lastRepair(): LastRepair | undefined {
    return this.#last;
  }

  /** Repairs since the start. */
  get repairs(): number {
    return this.#count;
  }

  /** Somebody else changed something that may concern us; undefined: nobody knows who. */
  onExternalChange(author: string | undefined): void {
    this.#changedMs = this.#parts.clock.nowMs();
    this.#lastAuthor = author ?? this.#lastAuthor;
    if (author !== undefined && !this.#authors.includes(author)) {
      this.#authors = [...this.#authors, author].slice(-MAX_AUTHORS);
    }
    if (!repairs(this.#parts.state())) return;
    const gapMs = this.#verifiedMs + MIN_INTERVAL_MS - this.#changedMs;
    this.#soon ??= this.#parts.clock.after(Math.max(RECHECK_DELAY_MS, gapMs), () => {
      this.#soon = undefined;
      this.forceResync();
    });
  }

  /** Looks at the rules too, whatever is certain. */
  forceResync(): void {
    this.invalidate();
    this.reconcile();
  }

  /** The next look is one at the rules: they count knocks, and there may be new ones. */
  invalidate(): void {
    this.#verified = undefined;
  }

  /** Looks at rules and sets when their turn comes. */
  reconcile(): void {
    if (this.#parts.state() === 'contested') {
      this.#checkQuiet();
      this.#parts.observer.onVerifyAttempt();
    }
    if (this.#reconciling || !repairs(this.#parts.state())) return;
    this.#reconciling = true;
    void this.#parts.queue.run(async () => {
      this.#reconciling = false; // what changes from now on asks for another look
      await this.#verify();
      this.#verifiedMs = this.#parts.clock.nowMs();
    });
  }

  /** Ends the timer. */
  [Symbol.dispose](): void {
    this.#soon?.[Symbol.dispose]();
  }

  async #verify(): Promise<void> {
    if (!repairs(this.#parts.state())) return;
    const firewall = this.#parts.active.current.firewall;
    const revision = this.#parts.ruleset.revision(); // of before the look: what changes meanwhile asks for another one
    try {
      if (!(await this.#isProven(firewall, revision))) await this.#repair(firewall, revision);
      this.#parts.observer.onVerified();
      this.#parts.observer.onVerifyAttempt();
    } catch (error) {
      this.invalidate();
      if (error instanceof KnockError && error.exitCode === EXIT.busy) this.#postpone(error);
      else this.#parts.event('rules-unsure', errorText(error));
    }
  }

  async #isProven(firewall: Firewall, revision: string | undefined): Promise<boolean> {
    const proven = this.#verified;
    if (this.#parts.state() !== 'armed' || revision === undefined) return false;
    return proven?.firewall === firewall && proven.revision === revision && firewall.isSettled();
  }

  async #repair(firewall: Firewall, revision: string | undefined): Promise<void> {
    this.#verified = { firewall, revision }; // who distrusts meanwhile distrusts this look
    const changes = await firewall.repair();
    this.#once.ends('postponed');
    this.#unread.update(firewall.unread, this.#parts.authors.last());
    if (changes.length > 0) {
      // A heartbeat may find a change before the monitor's words about it are read.
      if (this.#authors.length === 0) await this.#parts.authors.catchUp();
      this.#repaired(changes);
    }
    this.#authors = [];
  }

  /** The rules in force are still right; only the look at them has to wait. Told once. */
  #postpone(error: KnockError): void {
    if (this.#once.begins('postponed'))
      this.#parts.journal.record('repair', `check put off: ${errorText(error)}`, {}, 'warn');
    this.#parts.observer.onVerifyAttempt();
  }

  #repaired(changes: readonly string[]): void {
    const { clock, journal, event } = this.#parts;
    const unknown = `who did it is not known: ${this.#parts.authors.silence()}`;
    const by = this.#authors.length === 0 ? unknown : `changed by ${this.#authors.join(', ')}`;
    const text = `${changes.join('; ')}; ${by}`;
    journal.record('repair', `repaired: ${text}`, {}, 'warn');
    this.#last = { time: clock.wall(), text };
    this.#count += 1;
    const { repairs: recent, isFight } = noteRepair(this.#repairs, clock.nowMs());
    this.#repairs = recent;
    if (!isFight) return;
    this.#repairs = [];
    this.#changedMs = clock.nowMs();
    const who = this.#lastAuthor === undefined ? unknown : `changed by ${this.#lastAuthor}`;
    event('contested', `our rules were undone more than ${MAX_REPAIRS} times within a minute; ${who}`);
  }

  #checkQuiet(): void {
    if (isQuiet(this.#changedMs, this.#parts.clock.nowMs()))
      this.#parts.event('calm', 'nobody has touched our rules for a minute; trying again');
  }
}
