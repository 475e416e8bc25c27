import { isDeepStrictEqual } from 'node:util';

import { KnockError } from '../base/errors.js';
import type { Clock, Timer } from '../system/clock.js';
import type { ListenerMessage, ListenOrder } from '../wire/listener.js';
import { presentInterfaces } from './interfaces.js';
import { ListenerProcess, type ListenerStarter } from './listener-process.js';
import { decideRestart, NO_DEATHS } from './restarts.js';

export interface ListenerKeeperEvents {
  /** It listens on these interfaces. */
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

export interface ListenerKeeperParts {
  readonly start: ListenerStarter;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly maxRestarts: number;
  readonly events: ListenerKeeperEvents;
}

/** Makes the order of a listener that is started now: of one-time sequences, it has those that are left now. */
export type OrderMaker = () => ListenOrder;

interface Running {
  readonly process: ListenerProcess;
  readonly order: ListenOrder;
  readonly interfaces: readonly string[];
  readonly startedMs: number;
  heardMs: number;
  ready: boolean;
  fatal: string | undefined;
}

/** A replacement that has been started, and what happens once it is ready, or fails. */
interface Candidate {
  readonly makeOrder: OrderMaker;
  running: Running;
  readonly promote: () => void;
  readonly fail: (reason: string) => void;
}

const WATCH_MS = 500;
/** The first sign of life may take longer: a process is to be started on a machine that is booting. */
const FIRST_SIGN_MS = 15_000;

/** Keeps one listener alive: starts it, watches it, restarts it by the policy, replaces it at a reload. */
export class ListenerKeeper {
  readonly #parts: ListenerKeeperParts;
  #makeOrder: OrderMaker;
  #current: Running | undefined;
  #candidate: Candidate | undefined;
  #deaths = NO_DEATHS;
  #restart: Timer | undefined;
  #watch: Timer | undefined;
  #waiting = false;
  #packets = 0;

  constructor(makeOrder: OrderMaker, parts: ListenerKeeperParts) {
    this.#makeOrder = makeOrder;
    this.#parts = parts;
  }

  start(): void {
    this.#watch = this.#parts.clock.every(WATCH_MS, () => {
      this.#check();
    });
    this.#launch();
  }

  stop(): void {
    this.#watch?.[Symbol.dispose]();
    this.#restart?.[Symbol.dispose]();
    const current = this.#current;
    this.#current = undefined;
    this.#candidate?.fail('was stopped'); // whoever waits for it must not wait for ever
    current?.process.kill('stopped');
  }

  get pid(): number | undefined {
    return this.#current?.process.pid;
  }

  /** Ends a listener that said what no sound one says; the policy starts another. */
  condemn(reason: string): void {
    this.#current?.process.kill(reason);
  }

  /** True while a listener listens and is heard. */
  get sound(): boolean {
    return this.#current?.ready === true;
  }

  /** Packets that it has seen, and milliseconds since it was last heard; for `status`. */
  get figures(): {
    readonly packets: number;
    readonly silentMs: number | undefined;
    readonly interfaces: readonly string[];
  } {
    const current = this.#current;
    return {
      packets: this.#packets,
      silentMs: current === undefined ? undefined : this.#parts.clock.nowMs() - current.heardMs,
      interfaces: current?.ready === true ? current.interfaces : [],
    };
  }

  /**
   * A new listener beside the old one, by a new order. `switchOver` runs at the moment in which the
   * new one takes over. Rejects, with the old one still at work, where the new one does not get ready.
   */
  async replace(makeOrder: OrderMaker, switchOver: () => void): Promise<void> {
    const order = makeOrder();
    const interfaces = presentInterfaces(order.interfaces);
    if (interfaces.length === 0)
      throw new KnockError(`none of the interfaces is up: ${order.interfaces.join(', ')}`);
    this.#candidate?.fail('gave way to a newer one');
    await new Promise<void>((resolve, reject) => {
      const late = this.#parts.clock.after(FIRST_SIGN_MS, () =>
        this.#candidate?.fail('did not get ready in time'),
      );
      const done = (): void => {
        late[Symbol.dispose]();
        this.#candidate = undefined;
      };
      this.#candidate = {
        makeOrder,
        running: this.#spawn(order, interfaces),
        promote: () => {
          const [old, running] = [this.#current, this.#candidate?.running];
          done();
          this.#makeOrder = makeOrder;
          this.#current = running;
          this.#restart?.[Symbol.dispose]();
          switchOver();
          old?.process.kill('replaced');
          resolve();
        },
        fail: (reason) => {
          const running = this.#candidate?.running;
          done();
          running?.process.kill(reason);
          reject(new KnockError(`the new listener ${running?.fatal ?? reason}; the old one goes on`));
        },
      };
    });
  }

  #launch(): void {
    const order = this.#makeOrder();
    const interfaces = presentInterfaces(order.interfaces);
    if (interfaces.length > 0) {
      this.#waiting = false;
      this.#current = this.#spawn(order, interfaces);
    } else if (!this.#waiting) {
      this.#waiting = true;
      this.#parts.events.waiting(order.interfaces);
    }
  }

  #spawn(order: ListenOrder, interfaces: readonly string[]): Running {
    const process = new ListenerProcess(
      this.#parts.start,
      { ...order, interfaces },
      {
        message: (message) => {
          this.#heard(running, message);
        },
        gone: (reason) => {
          this.#gone(running, reason);
        },
      },
    );
    const running: Running = {
      process,
      order,
      interfaces,
      startedMs: this.#parts.clock.nowMs(),
      heardMs: this.#parts.clock.nowMs(),
      ready: false,
      fatal: undefined,
    };
    return running;
  }

  #heard(running: Running, message: ListenerMessage): void {
    if (running !== this.#current && running !== this.#candidate?.running) return;
    running.heardMs = this.#parts.clock.nowMs();
    if (message.type === 'ready') {
      running.ready = true;
      if (running === this.#candidate?.running) {
        if (this.#renew(this.#candidate)) return;
        this.#candidate.promote();
      }
      this.#parts.events.ready(message.interfaces);
    } else if (message.type === 'fatal') running.fatal = message.reason;
    else if (message.type === 'beat') this.#packets = message.packets;
    else if (running.ready) this.#parts.events.message(message);
  }

  /**
   * True where the old listener has heard a one-time sequence since this candidate was started, which
   * would hear it once more: another one takes its place.
   */
  #renew(candidate: Candidate): boolean {
    const { running: stale } = candidate;
    const order = candidate.makeOrder();
    if (isDeepStrictEqual(order.oneTime, stale.order.oneTime)) return false;
    candidate.running = this.#spawn(order, stale.interfaces);
    stale.process.kill('its order was out of date');
    return true;
  }

  #gone(running: Running, reason: string): void {
    if (running === this.#candidate?.running) this.#candidate.fail(reason);
    if (running !== this.#current) return;
    this.#current = undefined;
    const nowMs = this.#parts.clock.nowMs();
    const decision = decideRestart(this.#deaths, nowMs, nowMs - running.startedMs, this.#parts.maxRestarts);
    this.#deaths = decision.state;
    this.#restart = this.#parts.clock.after(decision.delayMs, () => {
      this.#launch();
    });
    const { delayMs, state } = decision;
    this.#parts.events.lost({ reason: running.fatal ?? reason, delayMs, givenUp: state.givenUp });
  }

  #check(): void {
    if (this.#waiting) this.#launch();
    const current = this.#current;
    if (current === undefined) return;
    const limitMs = current.ready ? this.#parts.timeoutMs : Math.max(this.#parts.timeoutMs, FIRST_SIGN_MS);
    const silentMs = this.#parts.clock.nowMs() - current.heardMs;
    if (silentMs > limitMs) current.process.kill(`not heard for ${Math.round(silentMs / 1000)} s`);
    else if (current.ready && this.#candidate === undefined) this.#widen(current);
  }

  /** An interface that was absent has come: a listener that may still open it takes over. */
  #widen(current: Running): void {
    if (presentInterfaces(current.order.interfaces).length <= current.interfaces.length) return;
    this.replace(this.#makeOrder, () => undefined).catch(() => undefined); // the next check tries again
  }
}
