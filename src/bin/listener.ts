import { createConnection, Socket } from 'node:net';

import { listen } from '../listener/listener.js';
import { systemClock } from '../system/clock.js';
import { LISTENER_FD } from '../wire/listener.js';

process.title = 'knockctl: listener';
process.umask(0o077);
// The supervisor ends us; a Ctrl-C at its terminal must not end us before it.
process.on('SIGINT', () => undefined);
// In a unit of systemd nothing is inherited: the supervisor waits at a socket.
const [, , path] = process.argv;
const channel =
  path === undefined
    ? new Socket({ fd: LISTENER_FD, readable: true, writable: true })
    : createConnection(path);
listen(channel, systemClock, (code) => {
  process.exit(code);
});
