import type { Family } from '../base/address.js';
import { MAPPED, type AddressWords } from './packet.js';

/**
 * True if no packet from outside can have this source: 0.0.0.0/8, the loopback, multicast, broadcast, ::, and an IPv4
 * address in an IPv6 packet, which would be taken for that IPv4 address. The same as base/impossible.ts for texts, but
 * without allocation.
 */
export function isImpossibleSource({ w0, w1, w2, w3 }: AddressWords, family: Family): boolean {
  if (w0 === 0 && w1 === 0 && w2 === MAPPED) {
    if (family === 6) return true;
    const first = w3 >>> 24;
    return first === 0 || first === 127 || (first >= 224 && first < 240) || w3 === -1;
  }
  if (w0 >>> 24 === 0xff) return true;
  return w0 === 0 && w1 === 0 && w2 === 0 && (w3 === 0 || w3 === 1);
}
