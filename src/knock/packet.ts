import { addressBytes, type Family, type Network, parseNetwork } from '../base/address.js';
import type { Protocol } from './door.js';

/**
 * The supported link layers: `ethernet` (DLT_EN10MB), `sll` and `sll2` (DLT_LINUX_SLL, DLT_LINUX_SLL2: the `any`
 * interface), `raw` (DLT_RAW: tun, WireGuard, PPP).
 */
export type LinkType = 'ethernet' | 'sll' | 'sll2' | 'raw';

/**
 * An address as four signed 32-bit numbers, first to last in network order. IPv4 is stored as `::ffff:a.b.c.d` (0, 0,
 * 0xffff, address), so that one form serves both families.
 */
export interface AddressWords {
  w0: number;
  w1: number;
  w2: number;
  w3: number;
}

/** What recognition needs of a packet. One object is reused: copy what must be kept. */
export interface Packet {
  family: Family;
  protocol: Protocol;
  readonly source: AddressWords;
  readonly destination: AddressWords;
  sourcePort: number;
  destinationPort: number;
  /** Byte 13 of the TCP header; 0 for UDP. */
  flags: number;
  /** TCP: the sequence number. UDP: the checksum in the upper 16 bits, the length below. Signed. */
  sequence: number;
  /** IPv4: the identification. IPv6: the flow label. */
  ipId: number;
  /**
   * UDP: the offset of the payload in the captured bytes, and its length by the header; a first fragment may hold less.
   */
  payloadAt: number;
  payloadLength: number;
  /** The index of the input interface; 0 if the capture does not report it (all but `sll2`). */
  device: number;
}

/** The third word of an IPv4 address in this form. */
export const MAPPED = 0xffff;

/** Creates a packet object to decode into. */
export function createPacket(): Packet {
  return {
    family: 4,
    protocol: 'tcp',
    source: { w0: 0, w1: 0, w2: 0, w3: 0 },
    destination: { w0: 0, w1: 0, w2: 0, w3: 0 },
    sourcePort: 0,
    destinationPort: 0,
    flags: 0,
    sequence: 0,
    ipId: 0,
    payloadAt: 0,
    payloadLength: 0,
    device: 0,
  };
}

/** Returns the canonical text of an address, as `parseNetwork` does. */
export function addressText(address: AddressWords): string {
  const { w0, w1, w2, w3 } = address;
  if (w0 === 0 && w1 === 0 && w2 === MAPPED) {
    return `${w3 >>> 24}.${(w3 >>> 16) & 255}.${(w3 >>> 8) & 255}.${w3 & 255}`;
  }
  const full = [w0, w1, w2, w3]
    .map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`)
    .join(':');
  const parsed = parseNetwork(full);
  return parsed.ok ? parsed.value.text : full;
}

/** Returns the canonical text of the packet's source address. */
export function sourceText(packet: Packet): string {
  return addressText(packet.source);
}

/** Returns the words of a network's first address. */
export function addressWords(network: Network): AddressWords {
  const bytes = Buffer.from(addressBytes(network));
  if (network.family === 4) return { w0: 0, w1: 0, w2: MAPPED, w3: bytes.readInt32BE(0) };
  return {
    w0: bytes.readInt32BE(0),
    w1: bytes.readInt32BE(4),
    w2: bytes.readInt32BE(8),
    w3: bytes.readInt32BE(12),
  };
}

/** True if both are the same address. */
export function sameAddress(a: AddressWords, b: AddressWords): boolean {
  return a.w3 === b.w3 && a.w2 === b.w2 && a.w1 === b.w1 && a.w0 === b.w0;
}
