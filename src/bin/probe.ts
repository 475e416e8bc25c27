/**
 * Whether the capture of this host works: opens it, sends a datagram to the loopback, and prints one JSON document with
 * what came of it (Probe). A process of its own: the capture module can abort.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { errorText } from '../base/errors.js';
import { captureModule, openCapture } from '../listener/capture.js';

const LOOPBACK = '127.0.0.1';
/** libpcap that holds packets back lets them go after a second. */
const WAIT_MS = 3_000;

function tell(result: Readonly<Record<string, unknown>>): never {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

/** A module that cannot be loaded is told as such: its fix is another one. */
function requireModule(): void {
  try {
    captureModule();
  } catch (error) {
    tell({ heard: false, isModule: true, why: errorText(error) });
  }
}

async function boundSocket(): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, LOOPBACK);
  await once(socket, 'listening');
  return socket;
}

/** Packets that the capture has room for: one is to come. */
const ROOM = 16;
/** Its time is told in milliseconds. */
const POLL_MS = 1;

async function probe(): Promise<void> {
  requireModule();
  const socket = await boundSocket();
  const { port } = socket.address();
  let sentMs = NaN;
  openCapture(
    'any',
    () => `udp dst port ${port}`,
    () => {
      tell({ heard: true, afterMs: performance.now() - sentMs });
    },
    {
      room: ROOM,
      pollMs: POLL_MS,
      onError: (reason) => tell({ heard: false, why: reason }),
    },
  );
  setTimeout(() => {
    tell({ heard: false, why: `a packet to the loopback was not heard within ${WAIT_MS / 1_000} s` });
  }, WAIT_MS);
  sentMs = performance.now();
  socket.send(Buffer.of(0), port, LOOPBACK);
}

probe().catch((error: unknown) => tell({ heard: false, why: errorText(error) }));
