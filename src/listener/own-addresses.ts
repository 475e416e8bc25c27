import { networkInterfaces } from 'node:os';

import { parseAddress, type Network } from '../base/address.js';

/** The host's own addresses, of interfaces that are up, loopback included; without zone ids. */
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
