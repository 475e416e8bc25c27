import { type LinkType, MAPPED, type Packet } from './packet.js';

const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;
const TCP = 6;
const UDP = 17;
/** The maximum of VLAN tags: one, or two for QinQ. Packets with more are ignored. */
const MAX_TAGS = 2;
/** Normal packets have one or two (RFC 8200 section 4.1 names at most six, one of them twice). */
const MAX_EXTENSIONS = 8;
/** The packet type of Linux cooked captures for packets that the host itself sent (LINKTYPE_LINUX_SLL). */
const SLL_OUTGOING = 4;

/**
 * Decodes a captured packet of `length` bytes into `out`; `wireLength`: its length on the wire, if a snap length has
 * truncated it. Returns false, with `out` unusable, for a packet that is not TCP or UDP over IPv4 or IPv6, is a later
 * fragment, was sent by this host (visible in cooked captures), was truncated by its sender or before the end of its
 * transport header by the snap length, is malformed, or has an impossible source: unspecified, multicast, broadcast, or
 * IPv4-mapped IPv6 (`::ffff:1.2.3.4` must not appear on the wire, RFC 4291). Never throws, never reads past `length` or
 * the buffer. Padding after the IP packet is ignored.
 */
export function decode(
  buffer: Buffer,
  length: number,
  linkType: LinkType,
  out: Packet,
  wireLength = length,
): boolean {
  const end = Math.min(length, buffer.length);
  const wire = Math.max(end, wireLength);
  out.device = 0;
  switch (linkType) {
    case 'raw':
      return decodeRaw(buffer, end, wire, out);
    case 'ethernet':
      return end >= 14 && decodeNetwork(buffer, 14, end, wire, u16(buffer, 12), out);
    case 'sll':
      if (end < 16 || u16(buffer, 0) === SLL_OUTGOING) return false;
      return decodeNetwork(buffer, 16, end, wire, u16(buffer, 14), out);
    case 'sll2':
      if (end < 20 || buffer[10] === SLL_OUTGOING) return false;
      out.device = i32(buffer, 4);
      return decodeNetwork(buffer, 20, end, wire, u16(buffer, 0), out);
  }
}

function decodeRaw(buffer: Buffer, end: number, wire: number, out: Packet): boolean {
  if (end < 1) return false;
  const version = u8(buffer, 0) >> 4;
  if (version === 4) return decodeIPv4(buffer, 0, end, wire, out);
  return version === 6 && decodeIPv6(buffer, 0, end, wire, out);
}

function decodeNetwork(
  buffer: Buffer,
  start: number,
  end: number,
  wire: number,
  etherType: number,
  out: Packet,
): boolean {
  let at = start;
  let type = etherType;
  for (let tags = 0; isTag(type); tags++) {
    if (tags === MAX_TAGS || at + 4 > end) return false;
    type = u16(buffer, at + 2);
    at += 4;
  }
  if (type === ETHERTYPE_IPV4) return decodeIPv4(buffer, at, end, wire, out);
  return type === ETHERTYPE_IPV6 && decodeIPv6(buffer, at, end, wire, out);
}

/** 802.1Q, 802.1ad, and the pre-standard number of QinQ. */
function isTag(etherType: number): boolean {
  return etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100;
}

function decodeIPv4(buffer: Buffer, at: number, captured: number, wire: number, out: Packet): boolean {
  if (at + 20 > captured) return false;
  const first = u8(buffer, at);
  const headerLength = (first & 15) * 4;
  const end = at + u16(buffer, at + 2);
  if (first >> 4 !== 4 || headerLength < 20 || at + headerLength > end || end > wire) return false;
  const fragment = u16(buffer, at + 6);
  if ((fragment & 0x1fff) !== 0) return false;
  const source = i32(buffer, at + 12);
  const top = source >>> 24;
  // 0/8, multicast and broadcast are never a source (RFC 1122 section 3.2.1.3); 240/4 is in use in some networks.
  if (top === 0 || (top >= 224 && top < 240) || source === -1) return false;
  out.family = 4;
  out.source.w0 = out.source.w1 = out.destination.w0 = out.destination.w1 = 0;
  out.source.w2 = out.destination.w2 = MAPPED;
  out.source.w3 = source;
  out.destination.w3 = i32(buffer, at + 16);
  out.ipId = u16(buffer, at + 4);
  const whole = (fragment & 0x2000) === 0;
  return decodeTransport(buffer, at + headerLength, captured, end, u8(buffer, at + 9), whole, out);
}

function decodeIPv6(buffer: Buffer, at: number, captured: number, wire: number, out: Packet): boolean {
  if (at + 40 > captured || u8(buffer, at) >> 4 !== 6) return false;
  const end = at + 40 + u16(buffer, at + 4);
  if (end > wire) return false;
  const { source, destination } = out;
  source.w0 = i32(buffer, at + 8);
  source.w1 = i32(buffer, at + 12);
  source.w2 = i32(buffer, at + 16);
  source.w3 = i32(buffer, at + 20);
  destination.w0 = i32(buffer, at + 24);
  destination.w1 = i32(buffer, at + 28);
  destination.w2 = i32(buffer, at + 32);
  destination.w3 = i32(buffer, at + 36);
  if (source.w0 >>> 24 === 0xff) return false;
  if (source.w0 === 0 && source.w1 === 0 && (source.w2 === MAPPED || (source.w2 === 0 && source.w3 === 0)))
    return false;
  if (destination.w0 === 0 && destination.w1 === 0 && destination.w2 === MAPPED) return false;
  out.family = 6;
  out.ipId = i32(buffer, at) & 0xfffff;
  return decodeExtensions(buffer, at + 40, captured, end, u8(buffer, at + 6), out);
}

/** Follows the extension headers of IPv6 (RFC 8200 section 4, AH: RFC 4302) to the transport header. */
function decodeExtensions(
  buffer: Buffer,
  start: number,
  captured: number,
  end: number,
  firstHeader: number,
  out: Packet,
): boolean {
  let at = start;
  let header = firstHeader;
  let whole = true;
  for (let count = 0; count <= MAX_EXTENSIONS; count++) {
    if (header === TCP || header === UDP) {
      return decodeTransport(buffer, at, captured, end, header, whole, out);
    }
    if (at + 8 > end || at + 8 > captured) return false;
    let size = 8;
    if (header === 0 || header === 43 || header === 60) size = (u8(buffer, at + 1) + 1) * 8;
    else if (header === 51) size = (u8(buffer, at + 1) + 2) * 4;
    else if (header !== 44) return false;
    else {
      const fragment = u16(buffer, at + 2);
      if (fragment >> 3 !== 0) return false;
      if ((fragment & 1) !== 0) whole = false;
    }
    header = u8(buffer, at);
    at += size;
  }
  return false;
}

/**
 * Decodes the transport header. `captured`: the number of captured bytes; `end`: the end of the IP packet. `whole`:
 * false for the first of several fragments, in which the length in the transport header need not fit.
 */
function decodeTransport(
  buffer: Buffer,
  at: number,
  captured: number,
  end: number,
  protocol: number,
  whole: boolean,
  out: Packet,
): boolean {
  if (protocol === TCP) {
    if (at + 20 > end || at + 20 > captured) return false;
    const headerLength = (u8(buffer, at + 12) >> 4) * 4;
    if (headerLength < 20 || at + headerLength > end) return false;
    out.protocol = 'tcp';
    out.flags = u8(buffer, at + 13);
    out.sequence = i32(buffer, at + 4);
  } else if (protocol === UDP) {
    if (at + 8 > end || at + 8 > captured) return false;
    const udpLength = u16(buffer, at + 4);
    if (udpLength < 8 || (whole && at + udpLength > end)) return false;
    out.protocol = 'udp';
    out.flags = 0;
    out.sequence = (u16(buffer, at + 6) << 16) | udpLength;
    out.payloadAt = at + 8;
    out.payloadLength = udpLength - 8;
  } else return false;
  out.sourcePort = u16(buffer, at);
  out.destinationPort = u16(buffer, at + 2);
  return true;
}

// Buffer's own readers check bounds and throw; these are called only for bytes that exist.
function u8(buffer: Buffer, at: number): number {
  return buffer[at] ?? 0;
}

function u16(buffer: Buffer, at: number): number {
  return (u8(buffer, at) << 8) | u8(buffer, at + 1);
}

function i32(buffer: Buffer, at: number): number {
  return (u16(buffer, at) << 16) | u16(buffer, at + 2);
}
