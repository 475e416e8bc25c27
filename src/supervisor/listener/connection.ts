import type { Duplex } from 'node:stream';

import { errorText } from '../../base/errors.js';
import { frame, FrameReader } from '../../wire/frames.js';
import {
  LISTENER_LIMIT,
  readListenerMessage,
  type ListenerMessage,
  type ListenerConfig,
} from '../../wire/listener.js';
import { MessageBudgets } from './message-budgets.js';
import type { ListenerStarter, StartedListener } from '../launch/listener-child.js';

interface ListenerEvents {
  message(message: ListenerMessage): void;
  /** What follows from a message has failed. The listener is not to blame, and lives on. */
  failed(message: ListenerMessage, error: unknown): void;
  /** It is gone, for whatever reason; comes exactly once, and last. */
  gone(reason: string): void;
}

/**
 * One listener process. Everything that it says is checked; a message that is malformed, too long
 * or one too many means that it was taken over: it is killed, and that is a crash like any other.
 */
export class ListenerConnection {
  #started: StartedListener | undefined;
  readonly #events: ListenerEvents;
  #reason: string | undefined;
  readonly #budgets = new MessageBudgets(performance.now());
  #finished = false;

  constructor(start: ListenerStarter, order: ListenerConfig, events: ListenerEvents) {
    this.#events = events;
    try {
      this.#started = start({
        connected: (channel) => {
          this.#attach(channel, order);
        },
        ended: (how) => {
          this.#finish(how);
        },
      });
    } catch (error) {
      // Later: whoever made us does not know us yet.
      setImmediate(() => {
        this.#finish(`could not be started: ${errorText(error)}`);
      });
    }
  }

  get pid(): number | undefined {
    return this.#started?.pid;
  }

  /** Ends it by SIGKILL: it holds nothing that would want to be put in order. */
  kill(reason: string): void {
    this.#reason ??= reason;
    this.#started?.kill();
  }

  #attach(channel: Duplex, order: ListenerConfig): void {
    const reader = new FrameReader(LISTENER_LIMIT, (text) => {
      if (this.#reason !== undefined) return; // condemned: nothing more is believed
      const message = readListenerMessage(text);
      if (this.#budgets.take(message, performance.now())) this.#pass(message);
      else this.kill(`flooded the supervisor with messages (${message.type})`);
    });
    channel.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        // Not a message that the protocol knows; what follows from one does not throw.
        this.kill(errorText(error));
        channel.destroy();
      }
    });
    channel.on('error', (error) => {
      this.kill(`its channel failed: ${errorText(error)}`);
    });
    channel.write(frame(order));
  }

  #pass(message: ListenerMessage): void {
    try {
      this.#events.message(message);
    } catch (error) {
      this.#events.failed(message, error);
    }
  }

  #finish(how: string): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#events.gone(this.#reason === undefined ? how : `${this.#reason} (${how})`);
  }
}
