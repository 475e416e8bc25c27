import { addressBytes, type Network, parseAddress } from '../../src/base/address.js';
import type { Protocol } from '../../src/knock/door.js';
import type { LinkType } from '../../src/knock/packet.js';

/** One IPv6 extension header: its number, and its body without next header and length (RFC 8200 section 4). */
export interface Extension {
  readonly header: number;
  /** What follows the first two bytes; the builder pads it to the unit of the header. */
  readonly body?: Buffer;
}

/** A packet to build. Addresses decide the family. All that is left out has a sane default. */
export interface PacketSpec {
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: Protocol;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Of the TCP header; SYN by default. */
  readonly flags?: number;
  readonly sequence?: number;
  readonly ipId?: number;
  readonly payload?: Buffer;
  /** IPv4 options, a multiple of 4 bytes. */
  readonly options?: Buffer;
  readonly extensions?: readonly Extension[];
  /** Offset in units of 8 bytes, and whether more follow (IPv4; IPv6: give a fragment extension). */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  readonly link?: LinkType;
  /** EtherTypes of VLAN tags, outermost first. */
  readonly tags?: readonly number[];
  /** Packet type of a cooked capture; 0, to us, by default. */
  readonly sllType?: number;
  /** Bytes behind the IP packet, as Ethernet pads short frames. */
  readonly padding?: number;
}

/** The frame as a capture would give it, checksums included. */
export function buildPacket(spec: PacketSpec): Buffer {
  const source = address(spec.source ?? '192.0.2.1');
  const destination = address(spec.destination ?? (source.family === 4 ? '198.51.100.1' : '2001:db8::1'));
  if (source.family !== destination.family)
    throw new Error('source and destination are of different families');
  const ip = source.family === 4 ? ipv4(spec, source, destination) : ipv6(spec, source, destination);
  const etherType = source.family === 4 ? 0x0800 : 0x86dd;
  return Buffer.concat([linkHeader(spec, etherType), ip, Buffer.alloc(spec.padding ?? 0, 0xa5)]);
}

/** A capture file (pcap, microseconds, little endian) of the frames. */
export function pcapFile(link: LinkType, frames: readonly Buffer[]): Buffer {
  const linkNumber = { ethernet: 1, raw: 101, sll: 113, sll2: 276 }[link];
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(262_144, 16);
  head.writeUInt32LE(linkNumber, 20);
  const records = frames.flatMap((frame, index) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(index, 0);
    record.writeUInt32LE(frame.length, 8);
    record.writeUInt32LE(frame.length, 12);
    return [record, frame];
  });
  return Buffer.concat([head, ...records]);
}

function address(text: string): Network {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

function linkHeader(spec: PacketSpec, etherType: number): Buffer {
  const types = [...(spec.tags ?? []), etherType];
  const first = types[0] ?? etherType;
  const tags = types.slice(1).map((type, index) => u16s([100 + index, type]));
  const link = spec.link ?? 'ethernet';
  if (link === 'raw') return Buffer.alloc(0);
  if (link === 'ethernet') return Buffer.concat([Buffer.alloc(12, 0x02), u16s([first]), ...tags]);
  const type = spec.sllType ?? 0;
  const hardware = Buffer.alloc(8, 0x02);
  if (link === 'sll') return Buffer.concat([u16s([type, 1, 6]), hardware, u16s([first]), ...tags]);
  return Buffer.concat([u16s([first, 0, 0, 2, 1]), Buffer.from([type, 6]), hardware, ...tags]);
}

function ipv4(spec: PacketSpec, source: Network, destination: Network): Buffer {
  const options = spec.options ?? Buffer.alloc(0);
  const body = transport(spec, source, destination);
  const header = Buffer.alloc(20 + options.length);
  const { offset, more } = spec.fragment ?? { offset: 0, more: false };
  header[0] = 0x40 | (header.length / 4);
  header.writeUInt16BE(header.length + body.length, 2);
  header.writeUInt16BE(spec.ipId ?? 1, 4);
  header.writeUInt16BE(offset | (more ? 0x2000 : 0), 6);
  header[8] = 64;
  header[9] = protocolNumber(spec);
  header.set(addressBytes(source), 12);
  header.set(addressBytes(destination), 16);
  header.set(options, 20);
  header.writeUInt16BE(checksum(header), 10);
  return Buffer.concat([header, body]);
}

function ipv6(spec: PacketSpec, source: Network, destination: Network): Buffer {
  const extensions = spec.extensions ?? [];
  const chain = [...extensions.map((extension) => extension.header), protocolNumber(spec)];
  const parts = extensions.map((extension, index) => extensionBytes(extension, chain[index + 1] ?? 59));
  const body = Buffer.concat([...parts, transport(spec, source, destination)]);
  const header = Buffer.alloc(40);
  header.writeUInt32BE(0x60000000 | (spec.ipId ?? 1), 0);
  header.writeUInt16BE(body.length, 4);
  header[6] = chain[0] ?? 59;
  header[7] = 64;
  header.set(addressBytes(source), 8);
  header.set(addressBytes(destination), 24);
  return Buffer.concat([header, body]);
}

function extensionBytes(extension: Extension, next: number): Buffer {
  const content = extension.body ?? Buffer.alloc(6);
  const bytes = Buffer.alloc(Math.ceil((content.length + 2) / 8) * 8);
  bytes[0] = next;
  // The fragment header has no length; AH counts in units of 4, less two (RFC 4302).
  if (extension.header === 51) bytes[1] = bytes.length / 4 - 2;
  else if (extension.header !== 44) bytes[1] = bytes.length / 8 - 1;
  bytes.set(content, 2);
  return bytes;
}

function transport(spec: PacketSpec, source: Network, destination: Network): Buffer {
  const payload = spec.payload ?? Buffer.alloc(0);
  const tcp = protocolNumber(spec) === 6;
  const header = Buffer.alloc(tcp ? 20 : 8);
  header.writeUInt16BE(spec.sourcePort ?? 40_000, 0);
  header.writeUInt16BE(spec.destinationPort ?? 7000, 2);
  if (tcp) {
    header.writeUInt32BE(spec.sequence ?? 1, 4);
    header[12] = 5 << 4;
    header[13] = spec.flags ?? 0x02;
    header.writeUInt16BE(64_240, 14);
  } else header.writeUInt16BE(8 + payload.length, 4);
  const segment = Buffer.concat([header, payload]);
  const pseudo = Buffer.concat([
    Buffer.from([...addressBytes(source), ...addressBytes(destination)]),
    u16s([segment.length, protocolNumber(spec)]),
  ]);
  segment.writeUInt16BE(checksum(Buffer.concat([pseudo, segment])), tcp ? 16 : 6);
  return segment;
}

function protocolNumber(spec: PacketSpec): 6 | 17 {
  return spec.protocol === 'udp' ? 17 : 6;
}

function u16s(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 255]));
}

/** The internet checksum (RFC 1071). */
function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
