import { errorText } from '../../base/errors.js';
import type { Settings } from '../../config/settings.js';
import type { Firewall } from '../../firewall/firewall.js';
import type { Clock, Timer } from '../../system/clock.js';
import { Reconciler, type Authors, type ReconcilerObserver, type RulesetRevision } from './reconciler.js';
import type { SerialQueue } from '../../base/serial-queue.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { feeds, MEANING, next, NOTHING_SHUT, type Event } from './state-machine.js';
import type { State } from '../../wire/state.js';

/** Whether knocks are heard, as far as it is proven. */
interface ListenerHealth {
  /** A listener is alive and known to hear. */
  readonly isHealthy: boolean;
  /** Milliseconds since a listener was last known to hear; undefined if none ever was. */
  readonly lastProofAgeMs: number | undefined;
}

/** What follows from the state of the rules: subscribed once, by the supervisor. */
export interface FailsafeObserver extends ReconcilerObserver {
  /** A state was entered and what it asks for is done; `problem`: what could not be done. */
  onEntered(state: State, problem: unknown): void;
}

interface FailsafeControllerParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly active: Pick<ActiveGeneration, 'current'>;
  /** All that touches rules or sets as a whole runs in it, one after the other. */
  readonly queue: SerialQueue;
  readonly ruleset: RulesetRevision;
  readonly authors: Authors;
  readonly listener: ListenerHealth;
  /** The services that are fed on whatever becomes of the listener: the kernel recognises all that opens them. */
  readonly listenerless: () => ReadonlySet<string>;
  readonly observer: FailsafeObserver;
}

/** The state, since when, and why. */
export interface StateInfo {
  readonly state: State;
  readonly since: Date;
  readonly reason: string;
}

const LEVELS: Partial<Readonly<Record<State, 'warn' | 'error'>>> = {
  degraded: 'warn',
  tripped: 'error',
  contested: 'error',
};

/**
 * Turns events into states, and states into deeds: arms, feeds, trips. Whatever touches the
 * firewall happens in one queue, in order; each deed looks at the state again when its turn comes.
 */
export class FailsafeController {
  /** Keeps the rules as they should be. */
  readonly reconciler: Reconciler;
  readonly #parts: FailsafeControllerParts;
  #state: State = 'stopped';
  #before: State = 'stopped';
  #held: ReadonlySet<string> = new Set();
  #reason = 'not started';
  /** The state as it is told: armed only once the rules are in force. */
  #reported: StateInfo;
  #grace: Timer | undefined;
  #feeding = false;
  /** Our rules are not known to be right: nothing is fed for any other reason than that they were put in just now. */
  #isUnverified = true;

  constructor(parts: FailsafeControllerParts) {
    this.#parts = parts;
    this.#reported = { state: this.#state, since: parts.clock.wall(), reason: this.#reason };
    this.reconciler = new Reconciler({
      ...parts,
      state: () => this.#state,
      event: (event, reason) => {
        this.event(event, reason);
      },
      observer: {
        onVerified: () => {
          this.#onVerified();
        },
        onVerifyAttempt: () => {
          parts.observer.onVerifyAttempt();
        },
      },
    });
  }

  /** The state that is decided on: what is done follows it. */
  get state(): State {
    return this.#state;
  }

  /** The state as it is told: it is armed once the rules are in force, and not while they are being put in. */
  get info(): StateInfo {
    return this.#reported;
  }

  /** Names of the services that a fight has left shut by their second gates, and whose switch is fed on. */
  get held(): readonly string[] {
    return this.#state === 'contested' ? [...this.#held] : [];
  }

  /** Something happened; `reason` goes to the log where it changes the state. */
  event(happened: Event, reason: string, means?: string): void {
    const before = this.#state;
    const isUnneeded = happened === 'given-up' && before !== 'tripped' && this.#needsNoListener;
    const event = isUnneeded ? 'given-up-unneeded' : happened;
    if (event === 'rules-unsure') this.#invalidate();
    const after = next(before, event);
    if (after === before) return;
    this.#state = after;
    this.#before = before;
    this.#reason = reason;
    this.#grace?.[Symbol.dispose]();
    const info = { state: after, since: this.#parts.clock.wall(), reason };
    if (after === 'armed' || (this.#isFirst && feeds(after)))
      this.#act(after, async () => this.#arm(info, means));
    else {
      this.#report(info, means);
      this.#enter(after);
    }
  }

  #report(info: StateInfo, means?: string): void {
    const { state, reason } = info;
    const before = this.#reported.state;
    this.#reported = info;
    const isBare = state === 'armed' && this.#firewall.services.length === 0;
    const text = `${state}: ${reason} (${means ?? (isBare ? NOTHING_SHUT : MEANING[state])})`;
    this.#parts.journal.record('state', text, { state, before }, LEVELS[state] ?? 'info');
  }

  get #firewall(): Firewall {
    return this.#parts.active.current.firewall;
  }

  get #settings(): Settings['failsafe'] {
    return this.#parts.active.current.config.settings.failsafe;
  }

  #onVerified(): void {
    const { listener, observer } = this.#parts;
    this.#isUnverified = false;
    observer.onVerified();
    if (this.#state !== 'tripped') return;
    if (listener.isHealthy) this.event('sound', 'rules and sets are right, and the listener hears');
    else if (this.#needsNoListener)
      this.event('given-up-unneeded', 'rules and sets are right, and no service needs the listener');
  }

  /**
   * Feeds where the state allows it, and has the rules looked at; tripped, that arms again where all is right. Tripped for want of
   * a listener, services that need none are fed on.
   */
  heartbeat(): void {
    if (feeds(this.#state)) this.#feed();
    else if (this.#state === 'contested') this.#feedHeld();
    else if (this.#spared.size > 0) this.#feed(this.#spared);
    this.reconciler.reconcile();
  }

  /** Ends the timers. */
  [Symbol.dispose](): void {
    this.#grace?.[Symbol.dispose]();
    this.reconciler[Symbol.dispose]();
  }

  #enter(state: State): void {
    if (state === 'tripped' || state === 'contested') this.#act(state, async () => this.#trip());
    else if (state === 'degraded' && !this.#needsNoListener) {
      const reason = this.#reason;
      this.#grace = this.#parts.clock.after(this.#graceMs(), () => {
        this.event('given-up', `the listener has been away for too long: ${reason}`);
      });
    }
  }

  /** The state before was `preparing`: what is put in now belongs to the start. */
  get #isFirst(): boolean {
    return this.#before === 'preparing';
  }

  get #needsNoListener(): boolean {
    const { services } = this.#firewall;
    const listenerless = this.#parts.listenerless();
    return services.length > 0 && services.every(({ name }) => listenerless.has(name));
  }

  /** The services that are fed though the others are not. While it gets ready, that is by the rules of an earlier life. */
  get #spared(): ReadonlySet<string> {
    const isListenerMissing =
      this.#state === 'preparing' || (this.#state === 'tripped' && !this.#isUnverified);
    return isListenerMissing ? this.#parts.listenerless() : new Set();
  }

  /** Without rules that are known to be right no service is spared. */
  #invalidate(): void {
    const isToTrip = this.#state === 'tripped' && this.#spared.size > 0;
    this.#isUnverified = true;
    if (isToTrip) this.#act('tripped', async () => this.#trip());
  }

  /**
   * How long the switch is fed without a listener. Never longer than the switch itself would give; and what it took to
   * find out counts, for listener_timeout + switch_timeout is promised from when none was known to hear any more.
   */
  #graceMs(): number {
    const { listenerTimeoutMs, switchTimeoutS } = this.#settings;
    const switchMs = switchTimeoutS * 1_000;
    const { lastProofAgeMs = 0 } = this.#parts.listener;
    return Math.max(0, Math.min(listenerTimeoutMs, switchMs, listenerTimeoutMs + switchMs - lastProofAgeMs));
  }

  #act(state: State, deed: () => Promise<void>): void {
    void this.#parts.queue.run(async () => {
      let problem: unknown;
      try {
        await deed();
      } catch (error) {
        problem = error;
      }
      this.#parts.observer.onEntered(state, problem);
      if (problem !== undefined) this.event('rules-unsure', errorText(problem));
    });
  }

  /** The switch first: rules in force while it is not fed would be open to everybody for a moment. */
  async #arm(info: StateInfo, means?: string): Promise<void> {
    if (!feeds(this.#state)) return;
    const firewall = this.#firewall;
    const isFirst = this.#isFirst;
    const changes = await firewall.repair(async () => {
      // The state may be another by now.
      if (feeds(this.#state)) await firewall.feed(this.#settings.switchTimeoutS);
    });
    const told = isFirst ? changes.map(asBuilt) : changes;
    for (const change of told) this.#parts.journal.record('firewall', change, {}, 'debug');
    if (this.#state === info.state) this.#report(info, means);
  }

  async #trip(): Promise<void> {
    if (feeds(this.#state)) return;
    try {
      const held = await this.#checkGates();
      await this.#firewall.trip(new Set([...held, ...this.#spared]));
      if (held.size === 0) return;
      const text = `the strict gate is untouched, and shuts as before: fed on (${[...held].join(', ')})`;
      this.#parts.journal.record('firewall', text, {}, 'warn');
    } catch (error) {
      // Without the set there is nothing to trip, and the kernel trips by itself in any case.
      this.#parts.journal.record('firewall', `cannot trip the switch: ${errorText(error)}`, {}, 'warn');
    }
  }

  /** What second gates hold in a fight, and until what it has cost is put right. */
  async #checkGates(): Promise<ReadonlySet<string>> {
    const isFight = this.#state === 'contested' || this.#before === 'contested';
    this.#held = isFight && this.#parts.listener.isHealthy ? await this.#firewall.gated() : new Set();
    return this.#held;
  }

  #feedHeld(): void {
    void this.#parts.queue.run(async () => {
      if (this.#state !== 'contested') return;
      try {
        const held = await this.#checkGates();
        if (this.state !== 'contested') return; // meanwhile it may have become another
        if (held.size > 0) await this.#firewall.feed(this.#settings.switchTimeoutS, held);
      } catch {
        this.#held = new Set(); // not fed: the switch runs out
      }
    });
  }

  #feed(only?: ReadonlySet<string>): void {
    if (this.#feeding) return;
    this.#feeding = true;
    const feed = async (): Promise<void> => {
      try {
        await this.#firewall.feed(this.#settings.switchTimeoutS, only);
      } catch (error) {
        this.event('rules-unsure', errorText(error));
      } finally {
        this.#feeding = false;
      }
    };
    void feed();
  }
}

/** What a start puts in was not missing, and nobody has changed it. */
function asBuilt(change: string): string {
  return change.replace(/ was (?:missing|changed|there \d+ times, or changed)/, ' was put in at the start');
}
