import { errorText, EXIT, KnockError } from '../../base/errors.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { Clock, Timer } from '../../system/clock.js';
import { isCalm, MAX_REPAIRS, noteRepair, type Repairs } from './conflict-backoff.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { repairs, type Event, type State } from './state-machine.js';
import { UnreadNotice } from './unreadable-rules-warning.js';

/** What can name the author of a change. */
export interface Authors {
  /** Resolves once the authors of changes until now have been named, if anything can: within a third of a second. */
  readonly catchUp: () => Promise<void>;
  /** Why a change has no author. */
  readonly silence: () => string;
  /** The last program that was seen to change rules; undefined: none is known. */
  readonly last: () => string | undefined;
}

export interface GuardParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly firewall: () => Firewall;
  readonly state: () => State;
  /** Stays the same for as long as nobody has changed a rule; undefined where that is not certain. */
  readonly witness: () => string | undefined;
  readonly authors: Authors;
  readonly event: (event: Event, reason: string) => void;
  /** A look found everything right, or put it right. */
  readonly verified: () => void;
  /** A look came to its end, or is put off for a good reason: we are as alive as we can be. */
  readonly looked: () => void;
  /** Runs a job after all others that touch the firewall. */
  readonly queued: (job: () => Promise<void>) => Promise<void>;
}

/** The last repair, for `status`. */
export interface LastRepair {
  readonly time: Date;
  readonly text: string;
}

/** After a change by others we look this soon, and not more often than this: some programs change rules all the time. */
const SOON_MS = 50;
const LOOK_GAP_MS = 400;
/** Culprits remembered from one look to the next. */
const MAX_CULPRITS = 5;

/**
 * Keeps our rules and sets as they should be: looks at each heartbeat, and at once when somebody is
 * seen to change them; repairs, and says who it was; stops where somebody keeps undoing it. A look at the rules starts two
 * processes: where it is certain that no rule has changed since the last one, a heartbeat looks at the sets alone.
 */
export class Guard {
  readonly #parts: GuardParts;
  #repairs: Repairs = [];
  #culprits: string[] = [];
  /** The last one that was seen: a look by the heartbeat may come before the monitor has told who it was. */
  #suspect: string | undefined;
  #touchedMs = -Infinity;
  #looking = false;
  /** The rules that were right at the last look, and who can tell that they have not changed since. */
  #proven: { readonly firewall: Firewall; readonly witness: string | undefined } | undefined;
  #lookedMs = -Infinity;
  #soon: Timer | undefined;
  #postponed = false;
  #last: LastRepair | undefined;
  #count = 0;
  readonly #unread: UnreadNotice;

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#unread = new UnreadNotice(parts.journal);
  }

  get lastRepair(): LastRepair | undefined {
    return this.#last;
  }

  /** Repairs since the start. */
  get repairs(): number {
    return this.#count;
  }

  /** Somebody else changed something that may concern us; undefined: nobody knows who. */
  touched(culprit: string | undefined): void {
    this.#touchedMs = this.#parts.clock.nowMs();
    this.#suspect = culprit ?? this.#suspect;
    if (culprit !== undefined && !this.#culprits.includes(culprit)) {
      this.#culprits = [...this.#culprits, culprit].slice(-MAX_CULPRITS);
    }
    if (!repairs(this.#parts.state())) return;
    const gapMs = this.#lookedMs + LOOK_GAP_MS - this.#touchedMs;
    this.#soon ??= this.#parts.clock.after(Math.max(SOON_MS, gapMs), () => {
      this.#soon = undefined;
      this.lookClosely();
    });
  }

  /** Looks at the rules too, whatever is certain. */
  lookClosely(): void {
    this.distrust();
    this.look();
  }

  /** The next look is one at the rules: they count knocks, and there may be new ones. */
  distrust(): void {
    this.#proven = undefined;
  }

  /** Looks at rules and sets when their turn comes. */
  look(): void {
    if (this.#parts.state() === 'contested') {
      this.#lookForCalm();
      this.#parts.looked();
    }
    if (this.#looking || !repairs(this.#parts.state())) return;
    this.#looking = true;
    void this.#parts.queued(async () => {
      this.#looking = false; // what changes from now on asks for another look
      await this.#verify();
      this.#lookedMs = this.#parts.clock.nowMs();
    });
  }

  /** Ends the timer. */
  [Symbol.dispose](): void {
    this.#soon?.[Symbol.dispose]();
  }

  async #verify(): Promise<void> {
    if (!repairs(this.#parts.state())) return;
    const firewall = this.#parts.firewall();
    const witness = this.#parts.witness(); // of before the look: what changes meanwhile asks for another one
    try {
      if (!(await this.#isProven(firewall, witness))) await this.#repair(firewall, witness);
      this.#parts.verified();
      this.#parts.looked();
    } catch (error) {
      this.distrust();
      if (error instanceof KnockError && error.exitCode === EXIT.busy) this.#postpone(error);
      else this.#parts.event('rules-unsure', errorText(error));
    }
  }

  async #isProven(firewall: Firewall, witness: string | undefined): Promise<boolean> {
    const proven = this.#proven;
    if (this.#parts.state() !== 'armed' || witness === undefined) return false;
    return proven?.firewall === firewall && proven.witness === witness && firewall.isSettled();
  }

  async #repair(firewall: Firewall, witness: string | undefined): Promise<void> {
    this.#proven = { firewall, witness }; // who distrusts meanwhile distrusts this look
    const changes = await firewall.repair();
    this.#postponed = false;
    this.#unread.look(firewall.unread, this.#parts.authors.last());
    if (changes.length > 0) {
      // A heartbeat may find a change before the monitor's words about it are read.
      if (this.#culprits.length === 0) await this.#parts.authors.catchUp();
      this.#repaired(changes);
    }
    this.#culprits = [];
  }

  /** The rules in force are still right; only the look at them has to wait. Told once. */
  #postpone(error: KnockError): void {
    if (!this.#postponed)
      this.#parts.journal.record('repair', `check put off: ${errorText(error)}`, {}, 'warn');
    this.#postponed = true;
    this.#parts.looked();
  }

  #repaired(changes: readonly string[]): void {
    const { clock, journal, event } = this.#parts;
    const unknown = `who did it is not known: ${this.#parts.authors.silence()}`;
    const by = this.#culprits.length === 0 ? unknown : `changed by ${this.#culprits.join(', ')}`;
    const text = `${changes.join('; ')}; ${by}`;
    journal.record('repair', `repaired: ${text}`, {}, 'warn');
    this.#last = { time: clock.wall(), text };
    this.#count += 1;
    const { repairs: recent, isFight } = noteRepair(this.#repairs, clock.nowMs());
    this.#repairs = recent;
    if (!isFight) return;
    this.#repairs = [];
    this.#touchedMs = clock.nowMs();
    const who = this.#suspect === undefined ? unknown : `changed by ${this.#suspect}`;
    event('contested', `our rules were undone more than ${MAX_REPAIRS} times within a minute; ${who}`);
  }

  #lookForCalm(): void {
    if (isCalm(this.#touchedMs, this.#parts.clock.nowMs()))
      this.#parts.event('calm', 'nobody has touched our rules for a minute; trying again');
  }
}
