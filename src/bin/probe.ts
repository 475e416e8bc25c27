/**
 * Whether the capture of this host works: opens it, sends a datagram to the loopback, and prints one JSON document with
 * what came of it (Probe). A process of its own: the capture module can abort.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';

import { errorText } from '../base/errors.js';

const LOOPBACK = '127.0.0.1';
/** libpcap that holds packets back lets them go after a second. */
const WAIT_MS = 3_000;

function tell(result: Readonly<Record<string, unknown>>): never {
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}

/** Only now: a module that cannot be loaded is to be told, not to end us with a stack trace. */
async function loadCapture(): Promise<typeof import('../listener/capture.js')> {
  try {
    return await import('../listener/capture.js');
  } catch (error) {
    return tell({ heard: false, isModule: true, why: moduleReason(errorText(error)) });
  }
}

/** Node's own words go over several lines; for another Node the two numbers are what matters. */
function moduleReason(text: string): string {
  const [built, here] = [...text.matchAll(/NODE_MODULE_VERSION (\d+)/g)].map(([, number]) => number);
  if (built !== undefined && here !== undefined)
    return `its module was built for another Node.js (module version ${built}, this one has ${here})`;
  return `its module cannot be loaded: ${text.split('\n')[0] ?? ''}`;
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
  const { openCapture } = await loadCapture();

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
      capacity: ROOM,
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
