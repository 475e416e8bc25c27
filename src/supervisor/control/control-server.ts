import { chmodSync, renameSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

import { describeError, errorText, EXIT, KnockError, ProtocolError } from '../../base/errors.js';
import { removeFile } from '../../system/files.js';
import { frame, FrameReader } from '../../wire/frames.js';
import {
  readRequest,
  REQUEST_LIMIT,
  type EventRecord,
  type Reply,
  type Request,
} from '../../wire/control.js';

/** Carries requests out. What it throws becomes an error reply. */
export interface ControlHandler {
  answer(request: Request): Promise<Reply>;
  /** Shows events to a caller that follows them, until the result is disposed. */
  follow(show: (event: EventRecord) => void): Disposable;
}

const MAX_CONNECTIONS = 64;
/** A caller that has not sent its request after so long is cut off. */
const REQUEST_TIMEOUT_MS = 10_000;
/** A caller that was refused may write on for so long; nothing of it is kept. */
const LINGER_MS = 1_000;
/** Bytes that a follower may leave unread before it is cut off: our memory is not its buffer. */
const MAX_UNREAD = 4 * 1024 * 1024;
/** sun_path holds 108 bytes (unix(7)), and the name that the socket has before it is ready is longer. */
const MAX_PATH = 107 - '.new'.length;

/** The control socket: one request a connection, mode 0600, for root only. */
export class ControlServer {
  readonly #path: string;
  readonly #handler: ControlHandler;
  readonly #requestTimeoutMs: number;
  #server: Server | undefined;
  /** The socket that is ours, among those that somebody may have made under that path. */
  #inode: number | undefined;
  readonly #sockets = new Set<Socket>();

  constructor(path: string, handler: ControlHandler, requestTimeoutMs = REQUEST_TIMEOUT_MS) {
    this.#path = path;
    this.#handler = handler;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  /** Listens. Whoever calls holds the lock of the run folder, so a socket that is there is a leftover. */
  async open(): Promise<void> {
    if (Buffer.byteLength(this.#path) > MAX_PATH) {
      throw new KnockError(`the path of the control socket is too long: ${this.#path}`, {
        exitCode: EXIT.config,
        hint: `shorten run in [paths]: a socket path has at most ${MAX_PATH} bytes`,
      });
    }
    const server = createServer((socket) => {
      this.#serve(socket);
    });
    const before = process.umask(0o177);
    try {
      // A server that is closed unlinks the path that it was given, whoever's socket is there by then (libuv).
      const path = `${this.#path}.new`;
      removeFile(path);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(path, resolve);
      });
      chmodSync(path, 0o600);
      renameSync(path, this.#path);
    } catch (cause) {
      throw new KnockError(`cannot open the control socket ${this.#path}: ${errorText(cause)}`, {
        exitCode: EXIT.config,
        hint: 'run in [paths] must be a folder that root can write in',
        cause,
      });
    } finally {
      process.umask(before);
    }
    this.#server?.close();
    this.#server = server;
    this.#inode = this.#inodeThere;
  }

  /** Makes the socket anew where somebody has removed it; true where that was so. */
  async reopen(): Promise<boolean> {
    if (this.#inodeThere === this.#inode) return false;
    await this.open();
    return true;
  }

  /** Closes it, and every connection once its reply is out. */
  close(): void {
    this.#server?.close();
    if (this.#inode !== undefined && this.#inodeThere === this.#inode) removeFile(this.#path);
    for (const socket of this.#sockets) socket.end();
  }

  get #inodeThere(): number | undefined {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino;
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => {
      socket.destroy(); // the caller went away: nothing of ours depends on it
    });
    socket.on('close', () => {
      this.#sockets.delete(socket);
    });
    if (this.#sockets.size > MAX_CONNECTIONS) {
      this.#refuse(socket, new KnockError('too many commands at once: try again', { exitCode: EXIT.busy }));
      return;
    }
    let asked = false;
    const reader = new FrameReader(REQUEST_LIMIT, (message) => {
      if (asked) throw new ProtocolError('one request a connection');
      asked = true;
      clearTimeout(late);
      void this.#answer(socket, readRequest(message));
    });
    // Not the socket's own time-out, which begins anew at each byte.
    const late = setTimeout(() => socket.destroy(), this.#requestTimeoutMs);
    socket.on('close', () => {
      clearTimeout(late);
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        this.#refuse(socket, new KnockError(errorText(error), { exitCode: EXIT.usage }));
      }
    });
  }

  async #answer(socket: Socket, request: Request): Promise<void> {
    if (request.verb === 'events' && request.follow === true) this.#follow(socket);
    let reply: Reply;
    try {
      reply = await this.#handler.answer(request);
    } catch (error) {
      reply = errorReply(error);
    }
    if (socket.destroyed) return;
    socket.write(frame({ type: 'reply', reply }));
    if (!(request.verb === 'events' && request.follow === true)) socket.end();
  }

  #follow(socket: Socket): void {
    const following = this.#handler.follow((event) => {
      if (socket.writableLength > MAX_UNREAD) socket.destroy();
      else socket.write(frame({ type: 'event', event }));
    });
    socket.on('close', () => {
      following[Symbol.dispose]();
    });
  }

  /** A request that is malformed, too long or one too many: said so, and the connection closed. */
  #refuse(socket: Socket, error: KnockError): void {
    this.#sockets.delete(socket);
    socket.removeAllListeners('data');
    socket.end(frame({ type: 'reply', reply: errorReply(error) }));
    // Closed at once, a caller that is still writing would see a broken pipe and not our answer.
    socket.resume();
    const late = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.on('close', () => {
      clearTimeout(late);
    });
  }
}

/** What a caller is told of an error: its message, what to do next, and its exit code. */
export function errorReply(error: unknown): Reply {
  const { exitCode, text, hint } = describeError(error);
  return { exitCode, remarks: [{ level: 'error', text, ...(hint === undefined ? {} : { hint }) }] };
}
