/**
 * One TCP connection: `node tcp-client.js probe|session ADDRESS PORT TIMEOUT_MS`. Says `connected`, or exits with 3
 * where there is no connection in time. A probe ends then with 0; a session passes on standard input
 * and what comes back until either side ends.
 */
import { connect } from 'node:net';

const NO_CONNECTION = 3;
const [mode = '', host = '', port = '', timeout = ''] = process.argv.slice(2);
const socket = connect({ host, port: Number(port), noDelay: true });
const timer = setTimeout(() => process.exit(NO_CONNECTION), Number(timeout));

socket.once('connect', () => {
  clearTimeout(timer);
  process.stdout.write('connected\n');
  if (mode === 'probe') {
    socket.destroy();
    return;
  }
  process.stdin.pipe(socket);
  socket.pipe(process.stdout);
  socket.once('close', () => process.exit(0));
});
socket.once('error', () => process.exit(NO_CONNECTION));
