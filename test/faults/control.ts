import { connect, type Socket } from 'node:net';

import type { Product } from '../helpers/product.js';

function open({ paths }: Product): Socket {
  const socket = connect(`${paths.run}/control.sock`).setEncoding('utf8');
  return socket.on('error', () => undefined); // the service may die first: `close` follows
}

/** What the command line sends, without the time that node takes to start; gives all that comes back. */
export async function ask(product: Product, request: unknown): Promise<string> {
  return new Promise((resolve) => {
    const socket = open(product);
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk));
    socket.on('close', () => {
      resolve(text);
    });
    socket.write(`${JSON.stringify(request)}\n`);
  });
}

/** Somebody who follows the events until the result is called, or never reads any. */
export function follow(product: Product, reads: boolean): () => void {
  const socket = open(product);
  socket.write('{"verb":"events","follow":true}\n');
  if (reads) socket.resume();
  return () => {
    socket.destroy();
  };
}
