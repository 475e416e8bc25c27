import { connect } from 'node:net';

import { listeningPorts } from '../../../system/listening.js';
import { socketOwners } from '../../../system/processes.js';

const USUAL = 22;
/** Servers of SSH by the names of their processes. */
const SERVERS = ['sshd', 'dropbear', 'tinysshd'];
/** Who holds a socket that a server is started for at its first connection. */
const HOLDERS = ['systemd', 'init', 'xinetd', 'inetd'];
const BANNER_MS = 1_500;

/**
 * The port at which SSH is served here, for a proposal: the usual one if it is, else the lowest. systemd may hold the socket
 * (ssh.socket): then what it serves is asked of itself. Undefined: nobody is found.
 */
export async function sshPort(): Promise<number | undefined> {
  const owners = socketOwners();
  const ports = listeningPorts()
    .filter(({ protocol, isLoopback }) => protocol === 'tcp' && !isLoopback)
    .map(({ port, inode }) => ({ port, owner: owners.get(inode) ?? '' }));
  const found = new Set(ports.filter(({ owner }) => SERVERS.includes(owner)).map(({ port }) => port));
  const held = new Set(ports.filter(({ owner }) => HOLDERS.includes(owner)).map(({ port }) => port));
  // To ask starts what the socket is for: only where nobody else is found.
  if (found.size === 0) for (const port of held) if (await greetsAsSsh(port)) found.add(port);
  return found.has(USUAL) ? USUAL : [...found].sort((a, b) => a - b)[0];
}

/** Whether a server at the port begins as SSH does (RFC 4253 section 4.2), over either family. */
async function greetsAsSsh(port: number): Promise<boolean> {
  const greetings = await Promise.all(['127.0.0.1', '::1'].map(async (host) => greeting(host, port)));
  return greetings.some((text) => text.startsWith('SSH-'));
}

async function greeting(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (text: string): void => {
      clearTimeout(late);
      socket.destroy();
      resolve(text);
    };
    const late = setTimeout(() => {
      end('');
    }, BANNER_MS);
    socket.once('data', (chunk) => {
      end(chunk.toString('latin1'));
    });
    for (const gone of ['error', 'close']) {
      socket.once(gone, () => {
        end('');
      });
    }
  });
}
