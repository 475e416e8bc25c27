/**
 * Connection attempts without an end, a SYN each: `node attempts.js ADDRESS PORT EVERY_MS`. For each says a line: when it
 * began (CLOCK_MONOTONIC, which all processes share, in milliseconds) and 1 where it connected, 0 where not.
 */
import { connect } from 'node:net';

/** Below the second after which the kernel would send a second SYN. */
const GIVEN_UP_MS = 500;
const [host = '', port = '', every = ''] = process.argv.slice(2);

function attempt(): void {
  const began = Number(process.hrtime.bigint()) / 1e6;
  const socket = connect({ host, port: Number(port) });
  let ended = false;
  const end = (connected: boolean): void => {
    if (ended) return;
    ended = true;
    clearTimeout(late);
    socket.destroy();
    process.stdout.write(`${began.toFixed(1)} ${connected ? 1 : 0}\n`);
  };
  const late = setTimeout(end, GIVEN_UP_MS, false);
  socket.once('connect', () => {
    end(true);
  });
  socket.on('error', () => {
    end(false);
  });
}

attempt();
setInterval(attempt, Number(every));
