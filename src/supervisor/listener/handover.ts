import { isDeepStrictEqual } from 'node:util';

import { KnockError } from '../../base/errors.js';
import type { Clock } from '../../system/clock.js';
import type { ListenerConfig } from '../../wire/listener.js';
import { FIRST_SIGN_MS, type ListenerInstance } from './instance.js';

/** Makes the order of a listener that is started now: of one-time sequences, it has those that are left now. */
export type OrderMaker = () => ListenerConfig;

/** A new listener that is to take the place of one at work: it does once it hears, or fails and changes nothing. */
export class Handover {
  readonly makeOrder: OrderMaker;
  /** Resolves once it has taken over; rejects, with the old one at work, where it never will. */
  readonly done: Promise<void>;
  readonly #spawn: (order: ListenerConfig) => ListenerInstance;
  readonly #late: Disposable;
  #run: ListenerInstance;
  #resolve: () => void = () => undefined;
  #reject: (error: KnockError) => void = () => undefined;

  constructor(makeOrder: OrderMaker, spawn: (order: ListenerConfig) => ListenerInstance, clock: Clock) {
    this.makeOrder = makeOrder;
    this.#spawn = spawn;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#late = clock.after(FIRST_SIGN_MS, () => {
      this.fail('did not get ready in time');
    });
    this.#run = spawn(makeOrder());
  }

  get run(): ListenerInstance {
    return this.#run;
  }

  /**
   * True where the old listener has heard a one-time sequence since this one was started, which would hear it once
   * more: another one is started in its place.
   */
  renew(): boolean {
    const stale = this.#run;
    const order = this.makeOrder();
    if (isDeepStrictEqual(order.oneTime, stale.order.oneTime)) return false;
    this.#run = this.#spawn(order);
    stale.kill('its order was out of date');
    return true;
  }

  /** It has taken over. */
  succeed(): void {
    this.#late[Symbol.dispose]();
    this.#resolve();
  }

  fail(reason: string): void {
    this.#late[Symbol.dispose]();
    this.#run.kill(reason);
    this.#reject(new KnockError(`the new listener ${this.#run.fatal ?? reason}; the old one goes on`));
  }
}
