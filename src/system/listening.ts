import { endianness } from 'node:os';

import type { Family } from '../base/address.js';
import { readIfExists } from './files.js';

/** A port that somebody listens at, in a family in which it can be reached. */
export interface ListeningPort {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  readonly family: Family;
  /** Only this host itself reaches it. */
  readonly isLoopback: boolean;
  /** The number of the socket, by which /proc/PID/fd knows it. */
  readonly inode: string;
}

const TABLES = [
  ['tcp', 'tcp', 4],
  ['tcp6', 'tcp', 6],
  ['udp', 'udp', 4],
  ['udp6', 'udp', 6],
] as const;

/** From the kernel's own tables (proc(5)), of this network namespace. */
export function listeningPorts(): ListeningPort[] {
  return TABLES.flatMap(([file, protocol, family]) =>
    readListening(readIfExists(`/proc/net/${file}`) ?? '', protocol, family),
  );
}

/** The sockets that listen, in the text of such a table. */
export function readListening(text: string, protocol: 'tcp' | 'udp', family: Family): ListeningPort[] {
  // sl local_address rem_address st … inode: 0A is LISTEN, and 07 is a UDP socket that is not connected.
  const lines = text.matchAll(/^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ (?:0A|07) (?:\S+ +){5}(\d+)/gm);
  return [...lines].flatMap(([, address = '', port = '', inode = '']) => {
    const bytes = inOrder(address);
    const one = { protocol, port: parseInt(port, 16), inode };
    const mapped = family === 6 && bytes.startsWith(MAPPED);
    const isLoopback = family === 4 || mapped ? bytes.slice(-8).startsWith('7F') : /^0{31}1$/.test(bytes);
    const found = { ...one, family: mapped ? (4 as const) : family, isLoopback };
    // A socket of IPv6 for all addresses takes IPv4 too, unless it asked not to: that is not told here.
    return family === 6 && /^0+$/.test(bytes) ? [found, { ...found, family: 4 as const }] : [found];
  });
}

/** What begins an IPv4 address that is written as one of IPv6. */
const MAPPED = '00000000000000000000FFFF';

/** The kernel prints each four bytes as a number of this machine. */
function inOrder(address: string): string {
  if (endianness() === 'BE') return address;
  return address.replaceAll(/(..)(..)(..)(..)/g, '$4$3$2$1');
}
