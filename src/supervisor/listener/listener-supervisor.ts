import { KnockError } from '../../base/errors.js';
import type { Timer } from '../../system/clock.js';
import type { ListenerMessage, ListenerConfig } from '../../wire/listener.js';
import { presentInterfaces } from './interfaces.js';
import { Handover, type OrderMaker } from './handover.js';
import { ListenerInstance, type ListenerInstanceParts } from './instance.js';
import { decideRestart, NO_DEATHS } from './restart-policy.js';

interface ListenerSupervisorEvents {
  /** It listens on these interfaces, and is known to hear. */
  ready(interfaces: readonly string[]): void;
  /** A knock or a line for the log. */
  message(message: ListenerMessage): void;
  /** It is gone; the next try comes by itself. */
  lost(loss: Loss): void;
  /** None of the interfaces is there: nothing can be started before one comes. */
  waiting(interfaces: readonly string[]): void;
}

/** How a listener was lost, and what follows. */
export interface Loss {
  readonly reason: string;
  /** The next try comes after so long. */
  readonly delayMs: number;
  /** It will not stay up: trip at once, tries are slow. */
  readonly givenUp: boolean;
}

interface ListenerSupervisorParts extends ListenerInstanceParts {
  readonly maxRestarts: number;
  readonly events: ListenerSupervisorEvents;
}

/** What `status` tells of the listener; milliseconds, undefined where there is none or it is not known to hear. */
interface ListenerFigures {
  readonly interfaces: readonly string[];
  readonly packets: number;
  readonly silentMs: number | undefined;
  readonly roundTripMs: number | undefined;
  readonly hearsMs: number | undefined;
  /** Self-knocks sent to this listener, and those that have not come back. */
  readonly asked: number;
  readonly lost: number;
}

/** How often we look at a listener, and at one that is known to hear and owes no answer: each look wakes us up. */
const WATCH_MS = 500;
const CALM_WATCH_MS = 2_000;

/** Keeps one listener alive: starts it, watches it, restarts it by the policy, replaces it at a reload. */
export class ListenerSupervisor {
  readonly #parts: ListenerSupervisorParts;
  #makeOrder: OrderMaker;
  #current: ListenerInstance | undefined;
  /** The last one that was known to hear: the current one, or one that is gone. */
  #lastProven: ListenerInstance | undefined;
  #handover: Handover | undefined;
  #switchOver: () => void = () => undefined;
  #deaths = NO_DEATHS;
  #restart: Timer | undefined;
  #watch: Timer | undefined;
  #waiting = false;
  /** When the next look is to come. */
  #dueMs = Infinity;

  constructor(makeOrder: OrderMaker, parts: ListenerSupervisorParts) {
    this.#makeOrder = makeOrder;
    this.#parts = parts;
  }

  start(): void {
    this.#scheduleCheck();
    this.#launch();
  }

  stop(): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = undefined;
    this.#restart?.[Symbol.dispose]();
    const current = this.#current;
    this.#current = undefined;
    this.#abortHandover('was stopped'); // whoever waits for it must not wait for ever
    current?.kill('stopped');
  }

  get pid(): number | undefined {
    return this.#current?.pid;
  }

  /** Ends a listener that said what no sound one says; the policy starts another. */
  killCompromised(reason: string): void {
    this.#current?.kill(reason);
  }

  /** True while a listener listens and is known to hear. */
  get isHealthy(): boolean {
    return this.#current?.isHealthy === true;
  }

  /** Milliseconds since a listener was last known to hear; undefined where none ever was. */
  get lastProofAgeMs(): number | undefined {
    return this.#lastProven?.figures.hearsMs;
  }

  get figures(): ListenerFigures {
    const never = { silentMs: undefined, roundTripMs: undefined, hearsMs: undefined };
    const none = { packets: 0, asked: 0, lost: 0, ...never };
    const interfaces = this.#current?.isHealthy === true ? this.#current.interfaces : [];
    return { ...(this.#current?.figures ?? none), interfaces };
  }

  /**
   * A new listener beside the old one, by a new order. `switchOver` runs at the moment in which the
   * new one takes over. Rejects, with the old one still at work, where the new one does not get ready.
   */
  async replace(makeOrder: OrderMaker, switchOver: () => void): Promise<void> {
    const wanted = makeOrder().interfaces;
    const interfaces = presentInterfaces(wanted);
    if (interfaces.length === 0) throw new KnockError(`none of the interfaces is up: ${wanted.join(', ')}`);
    this.#abortHandover('gave way to a newer one');
    const spawn = (order: ListenerConfig): ListenerInstance => this.#spawn(order, interfaces);
    const replacement = new Handover(makeOrder, spawn, this.#parts.clock);
    this.#handover = replacement;
    this.#switchOver = switchOver;
    if (this.#watch !== undefined) this.#scheduleCheck();
    try {
      await replacement.done;
    } finally {
      if (this.#handover === replacement) this.#handover = undefined;
    }
  }

  #launch(): void {
    const order = this.#makeOrder();
    const interfaces = presentInterfaces(order.interfaces);
    if (interfaces.length > 0) {
      this.#waiting = false;
      this.#current = this.#spawn(order, interfaces);
      if (this.#watch !== undefined) this.#scheduleCheck();
    } else if (!this.#waiting) {
      this.#waiting = true;
      this.#parts.events.waiting(order.interfaces);
    }
  }

  #spawn(order: ListenerConfig, interfaces: readonly string[]): ListenerInstance {
    const { port } = this.#parts.loopbackProbe;
    return new ListenerInstance(
      port === undefined ? order : { ...order, selfKnockPort: port },
      interfaces,
      this.#parts,
      {
        healthy: (run) => {
          this.#onHealthy(run);
        },
        message: (message, run) => {
          if (run === this.#current) this.#parts.events.message(message);
        },
        gone: (reason, run) => {
          this.#onGone(reason, run);
        },
      },
    );
  }

  #onHealthy(run: ListenerInstance): void {
    if (run === this.#handover?.run) {
      if (this.#handover.renew()) return;
      this.#promote(this.#handover);
    } else if (run !== this.#current) return;
    this.#lastProven = run;
    this.#parts.events.ready(run.interfaces);
  }

  #promote(replacement: Handover): void {
    const old = this.#current;
    this.#handover = undefined;
    this.#makeOrder = replacement.makeOrder;
    this.#current = replacement.run;
    this.#restart?.[Symbol.dispose]();
    this.#switchOver();
    old?.kill('replaced');
    replacement.succeed();
  }

  #abortHandover(reason: string): void {
    const replacement = this.#handover;
    this.#handover = undefined;
    replacement?.fail(reason);
  }

  #onGone(reason: string, run: ListenerInstance): void {
    if (run === this.#handover?.run) this.#abortHandover(reason);
    if (run !== this.#current) return;
    this.#current = undefined;
    const nowMs = this.#parts.clock.nowMs();
    const decision = decideRestart(this.#deaths, nowMs, nowMs - run.startedMs, this.#parts.maxRestarts);
    this.#deaths = decision.state;
    this.#restart = this.#parts.clock.after(decision.delayMs, () => {
      this.#launch();
    });
    const { delayMs, state } = decision;
    this.#parts.events.lost({ reason, delayMs, givenUp: state.givenUp });
  }

  #scheduleCheck(): void {
    const { clock, heartbeatMs } = this.#parts;
    const isCalm = this.#current?.hasNoPendingProbe === true && this.#handover === undefined;
    const toAskMs = heartbeatMs - (this.lastProofAgeMs ?? heartbeatMs) + 1;
    const nextMs = isCalm ? Math.max(WATCH_MS, Math.min(CALM_WATCH_MS, toAskMs)) : WATCH_MS;
    this.#watch?.[Symbol.dispose]();
    this.#dueMs = clock.nowMs() + nextMs;
    this.#watch = clock.after(nextMs, () => {
      this.#check();
      if (this.#watch !== undefined) this.#scheduleCheck();
    });
  }

  #check(): void {
    if (this.#waiting) this.#launch();
    const isLate = this.#parts.clock.nowMs() - this.#dueMs > WATCH_MS;
    this.#current?.check(isLate);
    this.#handover?.run.check(isLate);
    if (this.#current?.isHealthy === true && this.#handover === undefined) this.#renew(this.#current);
  }

  /** An interface that was absent has come, or the loopback: a listener that may still open it takes over. */
  #renew({ order, interfaces }: ListenerInstance): void {
    const { loopbackProbe: selfKnock } = this.#parts;
    if (order.selfKnockPort === undefined) selfKnock.send(1);
    const canProve = order.selfKnockPort === undefined && selfKnock.port !== undefined;
    if (!canProve && presentInterfaces(order.interfaces).length <= interfaces.length) return;
    this.replace(this.#makeOrder, () => undefined).catch(() => undefined); // the next check tries again
  }
}
