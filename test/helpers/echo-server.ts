/** A TCP echo server for both families: `node echo-server.js PORT`; says `listening` when it is up. */
import { createServer } from 'node:net';

const server = createServer((socket) => {
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.pipe(socket);
});
server.listen({ host: '::', port: Number(process.argv[2]) }, () => {
  process.stdout.write('listening\n');
});
