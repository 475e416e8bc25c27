import { readIfExists } from './files.js';

/** How a process stands with what the kernel sends to all who listen to it on one of its netlink sockets. */
interface NetlinkReader {
  /** Bytes that wait to be read. */
  readonly unread: number;
  /** Messages that found no room, since the socket was made. */
  readonly dropped: number;
}

/** The protocol of nftables and its kin, and the group that is told of each change of tables (linux/netfilter/nfnetlink.h). */
const NETLINK_NETFILTER = 12;
const NFNLGRP_NFTABLES = 7;

/**
 * The socket by which a process hears of changes of nft's tables, in this network namespace; undefined where it has none.
 * `table`: /proc/net/netlink, where the port of a process's first socket is its own number (netlink(7)).
 */
export function nftReader(pid: number, table = readTable()): NetlinkReader | undefined {
  for (const line of table.split('\n').slice(1)) {
    const [, protocol, port, groups = '', unread, , , , dropped] = line.trim().split(/\s+/);
    if (Number(protocol) !== NETLINK_NETFILTER || Number(port) !== pid) continue;
    if ((parseInt(groups, 16) & (1 << (NFNLGRP_NFTABLES - 1))) === 0) continue;
    return { unread: Number(unread), dropped: Number(dropped) };
  }
  return undefined;
}

function readTable(): string {
  return readIfExists('/proc/self/net/netlink') ?? '';
}
