import { spawn, type ChildProcess } from 'node:child_process';
import { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';

import { Budget } from '../base/budget.js';
import { errorText } from '../base/errors.js';
import { requireDescriptors } from '../system/descriptors.js';
import { CHILD_ENV } from '../system/exec-env.js';
import { requireTool } from '../system/tools.js';
import { frame, FrameReader } from '../wire/frames.js';
import {
  LISTENER_FD,
  LISTENER_LIMIT,
  readListenerMessage,
  type ListenerMessage,
  type ListenOrder,
} from '../wire/listener.js';

/** Starts the listener's process with the channel on descriptor 3; tests give another program. */
export type ListenerStarter = () => ChildProcess;

/** What root may still do in the listener until it gives root up: open captures and change its user. */
const BOUNDING = '-all,+setuid,+setgid,+net_raw,+dac_read_search';
/** Messages a second that a sound listener never exceeds (its own budgets are smaller), and at once. */
const MESSAGE_RATE = 2_000;
const MESSAGE_BURST = 10_000;

/** What a listener said before its end is read within this time. */
const DRAIN_MS = 500;

/** The real one: node itself, through setpriv(1), which takes away all that it will never need. */
export function listenerStarter(): ListenerStarter {
  const setpriv = requireTool('setpriv');
  const program = fileURLToPath(new URL('../bin/listener.js', import.meta.url));
  const limits = ['--no-new-privs', `--bounding-set=${BOUNDING}`, '--inh-caps=-all'];
  const node = [process.execPath, '--max-old-space-size=128', program];
  return () => {
    requireDescriptors();
    return spawn(setpriv, [...limits, '--', ...node], {
      stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
      env: CHILD_ENV,
      cwd: '/',
    });
  };
}

export interface ListenerEvents {
  message(message: ListenerMessage): void;
  /** It is gone, for whatever reason; comes exactly once, and last. */
  gone(reason: string): void;
}

/**
 * One listener process. Everything that it says is checked; a message that is malformed, too long
 * or one too many means that it was taken over: it is killed, and that is a crash like any other.
 */
export class ListenerProcess {
  #child: ChildProcess | undefined;
  readonly #events: ListenerEvents;
  #reason: string | undefined;
  readonly #budget = new Budget(MESSAGE_RATE, MESSAGE_BURST, performance.now());
  #stderr = '';
  #finished = false;

  constructor(start: ListenerStarter, order: ListenOrder, events: ListenerEvents) {
    this.#events = events;
    try {
      this.#watch(start(), order);
    } catch (error) {
      // Later: whoever made us does not know us yet.
      setImmediate(() => {
        this.#finish(`could not be started: ${errorText(error)}`);
      });
    }
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Ends it by SIGKILL: it holds nothing that would want to be put in order. */
  kill(reason: string): void {
    this.#reason ??= reason;
    this.#child?.kill('SIGKILL');
  }

  #watch(child: ChildProcess, order: ListenOrder): void {
    this.#child = child;
    const channel = child.stdio[LISTENER_FD];
    child.on('error', (error) => {
      this.#finish(`could not be started: ${errorText(error)}`);
    });
    child.on('exit', () => {
      // What it said is read by then. A process that it started must not hold up its end by holding its pipes.
      const late = setTimeout(() => {
        for (const stream of child.stdio) stream?.destroy();
      }, DRAIN_MS);
      child.once('close', () => {
        clearTimeout(late);
      });
    });
    child.on('close', (code, signal) => {
      const how = signal === null ? `exited with status ${String(code)}` : `was killed by ${signal}`;
      this.#finish([how, this.#stderr.trim()].filter(Boolean).join(': '));
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr = (this.#stderr + chunk.toString()).slice(-500);
    });
    if (channel instanceof Socket) this.#attach(channel, order);
  }

  #attach(channel: Socket, order: ListenOrder): void {
    const reader = new FrameReader(LISTENER_LIMIT, (message) => {
      if (this.#reason !== undefined) return; // condemned: nothing more is believed
      if (!this.#budget.take(performance.now())) {
        this.kill('flooded the supervisor with messages');
        return;
      }
      this.#events.message(readListenerMessage(message));
    });
    channel.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.kill(errorText(error));
        channel.destroy();
      }
    });
    channel.on('error', (error) => {
      this.kill(`its channel failed: ${errorText(error)}`);
    });
    channel.write(frame(order));
  }

  #finish(how: string): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#events.gone(this.#reason === undefined ? how : `${this.#reason} (${how})`);
  }
}
