import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';

import { errorText } from '../../base/errors.js';
import type { Clock } from '../../system/clock.js';
import { NONCE_BYTES } from '../../wire/listener.js';

const LOOPBACK = '127.0.0.1';
/** Nonces remembered: at the most eager, those of the last seconds. */
const REMEMBERED = 256;

/** What the listener's keeper needs of the self-knock. */
export interface LoopbackProber {
  /** The port of the loopback at which the capture is to listen for it; undefined where none can be sent. */
  readonly port: number | undefined;
  /** Why the last one could not be sent. */
  readonly problem: string | undefined;
  /** Sends so many, each with a nonce of its own. */
  send(count: number): void;
  /** Milliseconds since a nonce was sent; undefined where it never was, or long ago. Two listeners may hear one. */
  age(nonce: string): number | undefined;
}

/**
 * The proof that the capture hears: a datagram with a fresh random nonce to the loopback, which only the capture can
 * read. The socket is connected to itself, so nobody else can bind the port, none of the datagrams goes further,
 * and the kernel keeps those of other processes away from it. Without a loopback address (the
 * interface is down) there is none; `send` looks for one again.
 */
export class LoopbackProbe implements LoopbackProber {
  readonly #clock: Clock;
  readonly #sent = new Map<string, number>();
  #socket: Socket | undefined;
  #port: number | undefined;
  #opening: Promise<void> | undefined;
  #problem: string | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get port(): number | undefined {
    return this.#port;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  /** Opens the socket, where that is possible; resolves in any case. */
  async open(): Promise<void> {
    this.#opening ??= this.#tryOpen();
    await this.#opening;
    this.#opening = undefined;
  }

  send(count: number): void {
    const { port } = this;
    if (this.#socket === undefined || port === undefined) {
      void this.open();
      return;
    }
    for (let one = 0; one < count; one += 1) {
      const nonce = randomBytes(NONCE_BYTES);
      this.#sent.set(nonce.toString('hex'), this.#clock.nowMs());
      this.#socket.send(nonce, (error) => {
        this.#problem = error === null ? undefined : errorText(error);
      });
    }
    for (const nonce of this.#sent.keys()) {
      if (this.#sent.size <= REMEMBERED) break;
      this.#sent.delete(nonce);
    }
  }

  age(nonce: string): number | undefined {
    const sentMs = this.#sent.get(nonce);
    return sentMs === undefined ? undefined : this.#clock.nowMs() - sentMs;
  }

  [Symbol.dispose](): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  async #tryOpen(): Promise<void> {
    if (this.#port !== undefined) return;
    if (!hasLoopback()) {
      this.#problem = 'the loopback interface is down';
      return;
    }
    try {
      const socket = await openToItself();
      this.#socket = socket;
      this.#port = socket.address().port;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = errorText(error);
    }
  }
}

/** While it is down a socket can be bound all the same, and what it sends is lost in silence (measured). */
function hasLoopback(): boolean {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .some(({ address }) => address === LOOPBACK);
}

/** A datagram socket of the IPv4 loopback that sends to itself. What it receives nobody reads. */
async function openToItself(): Promise<Socket> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, LOOPBACK, () => {
        socket.connect(socket.address().port, LOOPBACK, resolve);
      });
    });
  } catch (error) {
    socket.close();
    throw error;
  }
  socket.removeAllListeners('error');
  socket.on('error', () => undefined); // each send tells its own
  socket.unref();
  return socket;
}
