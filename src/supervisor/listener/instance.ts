import type { Clock } from '../../system/clock.js';
import type { ListenerMessage, ListenerConfig } from '../../wire/listener.js';
import { ListenerConnection } from './connection.js';
import type { ListenerStarter } from '../launch/listener-child.js';
import type { LoopbackProber } from './loopback-probe.js';

/** The first signs of life may take longer: a process is to be started on a machine that is booting. */
export const FIRST_SIGN_MS = 15_000;
/** Self-knocks sent at once while none comes back: a flood fills the capture's ring, and most packets are lost. */
const MOST_AT_ONCE = 16;

interface ListenerInstanceEvents {
  /** It listens, and is known to hear. */
  healthy(run: ListenerInstance): void;
  /** A knock or a line for the log. */
  message(message: ListenerMessage, run: ListenerInstance): void;
  /** It is gone; comes exactly once, and last. */
  gone(reason: string, run: ListenerInstance): void;
}

export interface ListenerInstanceParts {
  readonly start: ListenerStarter;
  readonly clock: Clock;
  readonly loopbackProbe: LoopbackProber;
  /** A self-knock is due after so long. */
  readonly heartbeatMs: number;
  readonly timeoutMs: number;
  /** What follows from a message has failed. */
  readonly onFailed: (message: ListenerMessage, error: unknown) => void;
}

/** One life of a listener: what it was told, when it was heard, and whether it hears. */
export class ListenerInstance {
  readonly order: ListenerConfig;
  readonly interfaces: readonly string[];
  readonly startedMs: number;
  readonly #parts: ListenerInstanceParts;
  readonly #events: ListenerInstanceEvents;
  readonly #process: ListenerConnection;
  #heardMs: number;
  /** When it was last known to hear; undefined before that. */
  #hearsMs: number | undefined;
  /** When the self-knock that it still owes was sent. */
  #askedMs: number | undefined;
  #roundTripMs: number | undefined;
  #ready = false;
  #unanswered = 0;
  #asked = 0;
  #answered = 0;
  #packets = 0;
  #fatal: string | undefined;

  constructor(
    order: ListenerConfig,
    interfaces: readonly string[],
    parts: ListenerInstanceParts,
    events: ListenerInstanceEvents,
  ) {
    this.order = order;
    this.interfaces = interfaces;
    this.#parts = parts;
    this.#events = events;
    this.startedMs = this.#heardMs = parts.clock.nowMs();
    this.#process = new ListenerConnection(
      parts.start,
      { ...order, interfaces },
      {
        message: (message) => {
          this.#hear(message);
        },
        failed: parts.onFailed,
        gone: (reason) => {
          events.gone(this.#fatal ?? reason, this);
        },
      },
    );
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** True from its first self-knock that came back; `check` ends it where it is no more. */
  get isHealthy(): boolean {
    return this.#hearsMs !== undefined;
  }

  /** True while it is known to hear, and no self-knock is on its way. */
  get hasNoPendingProbe(): boolean {
    return this.isHealthy && this.#askedMs === undefined;
  }

  /** Why it could not go on, in its own words. */
  get fatal(): string | undefined {
    return this.#fatal;
  }

  /**
   * For `status`: packets seen, milliseconds since it was last heard, and known to hear; self-knocks sent, and those that
   * have not come back, by which it shows that the capture loses packets (cap does not tell).
   */
  get figures(): {
    readonly packets: number;
    readonly silentMs: number;
    readonly roundTripMs: number | undefined;
    readonly hearsMs: number | undefined;
    readonly asked: number;
    readonly lost: number;
  } {
    const nowMs = this.#parts.clock.nowMs();
    const hearsMs = this.#hearsMs === undefined ? undefined : nowMs - this.#hearsMs;
    return {
      packets: this.#packets,
      silentMs: nowMs - this.#heardMs,
      roundTripMs: this.#roundTripMs,
      hearsMs,
      asked: this.#asked,
      lost: this.#asked - this.#answered,
    };
  }

  kill(reason: string): void {
    this.#process.kill(reason);
  }

  /**
   * From time to time: asks whether it hears, and ends it where it is silent or deaf for too long. `isLate`: we were
   * stopped, or the machine was; what it has said meanwhile is still to be read, so nothing is held against it.
   */
  check(isLate = false): void {
    const { loopbackProbe: selfKnock, heartbeatMs, timeoutMs, clock } = this.#parts;
    const nowMs = clock.nowMs();
    const limitMs = this.isHealthy ? timeoutMs : Math.max(timeoutMs, FIRST_SIGN_MS);
    const silentMs = nowMs - this.#heardMs;
    const unprovenMs = nowMs - (this.#hearsMs ?? this.startedMs);
    const deafMs = this.#askedMs === undefined ? 0 : nowMs - this.#askedMs;
    if (!isLate && silentMs > limitMs) this.kill(`not heard for ${Math.round(silentMs / 1000)} s`);
    else if (!isLate && this.#isProven && deafMs > limitMs) {
      const why = selfKnock.problem === undefined ? '' : ` (it could not be sent: ${selfKnock.problem})`;
      this.kill(`deaf: no self-knock came back for ${Math.round(deafMs / 1000)} s${why}`);
    } else if (this.#ready && this.#isProven && (!this.isHealthy || unprovenMs >= heartbeatMs)) {
      this.#askedMs ??= nowMs;
      this.#ask(Math.min(1 + this.#unanswered, MOST_AT_ONCE));
      this.#unanswered += 1;
    }
  }

  /** Without a loopback there is no self-knock; beats are then all the proof there is. */
  get #isProven(): boolean {
    return this.order.selfKnockPort !== undefined;
  }

  #hear(message: ListenerMessage): void {
    const nowMs = this.#parts.clock.nowMs();
    this.#heardMs = nowMs;
    switch (message.type) {
      case 'ready':
        this.#ready = true;
        this.#askedMs = nowMs;
        if (this.#isProven) this.#ask(1);
        else this.#hears(nowMs);
        break;
      case 'echo':
        this.#echo(message.nonce, nowMs);
        break;
      case 'fatal':
        this.#fatal = message.reason;
        break;
      case 'beat':
        // New packets show that it hears as well: in a flood every self-knock may be lost. The first proof is the self-knock's.
        if (this.#ready && (this.#isProven ? this.isHealthy && message.packets > this.#packets : true))
          this.#hears(nowMs);
        this.#packets = message.packets;
        break;
      case 'knock':
      case 'stage':
      case 'timeout':
      case 'suppressed':
        if (this.isHealthy) this.#events.message(message, this);
    }
  }

  #ask(count: number): void {
    this.#asked += count;
    this.#parts.loopbackProbe.send(count);
  }

  #echo(nonce: string, nowMs: number): void {
    const { loopbackProbe: selfKnock, timeoutMs } = this.#parts;
    const roundTripMs = selfKnock.age(nonce);
    if (roundTripMs === undefined || roundTripMs > timeoutMs || !this.#ready) return; // of another time: proves nothing
    this.#answered += 1;
    this.#roundTripMs = roundTripMs;
    this.#hears(nowMs);
  }

  #hears(nowMs: number): void {
    const first = this.#hearsMs === undefined;
    this.#hearsMs = nowMs;
    this.#askedMs = undefined;
    this.#unanswered = 0;
    if (first) this.#events.healthy(this);
  }
}
