import { networkInterfaces, type NetworkInterfaceInfo } from 'node:os';

import { parseAddress, type Network } from '../base/address.js';

/**
 * The host's own addresses, of interfaces that run (IFF_RUNNING), loopback included; without zone ids. An
 * interface that has come up runs up to a second later (measured); one without a carrier does not run, and a knock at
 * its address by way of another interface is not heard: Node has no other list that an unprivileged process can read
 * in bounded time (/proc/net/fib_trie holds every route).
 */
export function ownAddresses(): Network[] {
  return texts(({ address }) => [address.replace(/%.*$/, '')]);
}

/** What no packet from elsewhere can have as its source here: own addresses, and the broadcast addresses of their networks. */
export function ownSources(): Network[] {
  return texts(({ address, family, netmask }) => {
    const own = address.replace(/%.*$/, '');
    return family === 'IPv4' ? [own, ...broadcastOf(address, netmask)] : [own];
  });
}

function texts(of: (info: NetworkInterfaceInfo) => readonly string[]): Network[] {
  const found = new Map<string, Network>();
  for (const infos of Object.values(networkInterfaces())) {
    for (const text of (infos ?? []).flatMap(of)) {
      const parsed = parseAddress(text);
      if (parsed.ok) found.set(parsed.value.text, parsed.value);
    }
  }
  return [...found.values()];
}

/** The last address of a network of more than two; a link of two (RFC 3021) has no broadcast address. */
function broadcastOf(address: string, netmask: string): string[] {
  const mask = netmask.split('.').map(Number);
  if ((mask[3] ?? 0) >= 254) return [];
  return [
    address
      .split('.')
      .map((byte, at) => Number(byte) | (~(mask[at] ?? 255) & 255))
      .join('.'),
  ];
}
