import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';

import { ControlServer } from '../../../src/supervisor/control/control-server.js';
import type { EventRecord, Reply, Request } from '../../../src/wire/control.js';
import { TempFolder } from '../../helpers/temp.js';

export const DONE: Reply = { exitCode: 0, remarks: [{ level: 'result', text: 'done' }] };

/** A server with a handler that writes down what it is asked. */
export class Stand implements Disposable {
  readonly folder = new TempFolder();
  readonly path = this.folder.file('control.sock');
  readonly asked: Request[] = [];
  readonly followers = new Set<(event: EventRecord) => void>();
  answer: (request: Request) => Promise<Reply> = async () => Promise.resolve(DONE);
  readonly server: ControlServer;

  constructor(requestTimeoutMs?: number) {
    const handler = {
      answer: async (request: Request): Promise<Reply> => {
        this.asked.push(request);
        return this.answer(request);
      },
      follow: (show: (event: EventRecord) => void): Disposable => {
        this.followers.add(show);
        return { [Symbol.dispose]: () => this.followers.delete(show) };
      },
    };
    this.server = new ControlServer(this.path, handler, requestTimeoutMs);
  }

  async open(): Promise<this> {
    await this.server.open();
    return this;
  }

  /** Sends these bytes; everything that comes back until the connection is closed. */
  async send(...bytes: readonly string[]): Promise<string> {
    const socket = await this.connect();
    for (const part of bytes) socket.write(part);
    return readAll(socket);
  }

  async connect(): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.path, () => {
        resolve(socket);
      });
      socket.on('error', reject);
    });
  }

  [Symbol.dispose](): void {
    this.server.close();
    this.folder[Symbol.dispose]();
  }
}

/** Everything that comes until the connection is closed. */
export async function readAll(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.removeAllListeners('error').on('error', () => undefined); // EPIPE: cut off while it was writing
  return new Promise((resolve) =>
    socket.on('close', () => {
      resolve(text);
    }),
  );
}

/** The reply in a frame. */
export function replyIn(text: string): Reply {
  const parsed: unknown = JSON.parse(text);
  assert.ok(typeof parsed === 'object' && parsed !== null && 'reply' in parsed);
  return parsed.reply as Reply;
}
