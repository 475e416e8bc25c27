import { networkInterfaces } from 'node:os';

import { parseAddress, type Network } from '../base/address.js';

/**
 * The host's own addresses, of interfaces that run (IFF_RUNNING), loopback included; without zone ids. An
 * interface that has come up runs up to a second later (measured); one without a carrier does not run, and a knock at
 * its address by way of another interface is not heard: Node has no other list that an unprivileged process can read
 * in bounded time (/proc/net/fib_trie holds every route).
 */
export function ownAddresses(): Network[] {
  const own = new Map<string, Network>();
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address } of addresses ?? []) {
      const parsed = parseAddress(address.replace(/%.*$/, ''));
      if (parsed.ok) own.set(parsed.value.text, parsed.value);
    }
  }
  return [...own.values()];
}
