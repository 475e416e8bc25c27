import { countsBeginnings, coveredPorts, type Door, type FlagFilter, type Protocol } from './door.js';
import type { LinkType } from './packet.js';

/**
 * Limits of the filter expression. Beyond some 128 ranges libpcap 1.10 needs more than a second, growing quadratically;
 * and the filter must stay within 4,096 instructions (BPF_MAXINSNS) and 20,480 bytes in the kernel (net.core.optmem_max
 * before Linux 6.9), otherwise libpcap filters in user space, for every packet of the host. The largest possible here:
 * 560 instructions.
 */
const MAX_RANGES = 128;
const MAX_GROUPS = 8;

/** Matches no packet. A constant such as `0 = 1` would be refused ("rejects all packets"). */
const NOTHING = 'less 0';

/** IPv6 packets with extension headers: libpcap cannot follow them, so decode decides. */
const EXTENSIONS = [0, 43, 44, 51, 60];
const IPV6_EXTENSIONS = `(ip6 and (${EXTENSIONS.map((header) => `ip6[6] = ${header}`).join(' or ')}))`;

/**
 * The loopback is always interface 1 of a network namespace (LOOPBACK_IFINDEX, include/net/net_namespace.h and
 * drivers/net/loopback.c).
 */
const NOT_LOOPBACK = 'not ifindex 1';

interface Range {
  readonly first: number;
  readonly last: number;
}

/** TCP ports with the same flag filter. */
interface Group {
  readonly flags: FlagFilter;
  readonly ranges: readonly Range[];
}

/**
 * Returns a pcap filter (pcap-filter(7)) that passes every packet that a door could count, and as few others as the
 * limits allow: with very many doors, neighbouring ports pass too. Destinations are left to the tracker, because the
 * host's addresses change. Without doors nothing passes. `selfKnockPort`: UDP from that port of the loopback address to
 * itself also passes. On `any` (`sll2`) nothing else from the loopback passes: any local user can send there, and see
 * in /proc which process wakes up.
 */
export function captureFilter(doors: readonly Door[], linkType: LinkType, selfKnockPort?: number): string {
  const terms = portTerms(doors);
  if (terms.length > 0) terms.push(IPV6_EXTENSIONS);
  if (linkType === 'ethernet') terms.push(...taggedTerms(doors));
  const others =
    terms.length === 0
      ? []
      : [linkType === 'sll2' ? `(${NOT_LOOPBACK} and (${terms.join(' or ')}))` : terms.join(' or ')];
  const own = selfKnockPort === undefined ? [] : [loopbackProbe(selfKnockPort)];
  return [...own, ...others].join(' or ') || NOTHING;
}

/** Matches the one socket that is bound to the port: no other user can send from it. */
function loopbackProbe(port: number): string {
  return `(udp src port ${port} and udp dst port ${port} and src host 127.0.0.1 and dst host 127.0.0.1)`;
}

/**
 * Matches frames with one or two VLAN tags by fixed offsets, between the lowest and the highest port of all doors.
 * libpcap's `vlan` is unsuitable: in a live capture it reads the tag's metadata again for every port, 600 instructions
 * for three doors. Linux removes the outer tag before a capture sees the frame, so most tagged frames pass by the plain
 * terms, and these terms are for the inner tag of QinQ.
 */
function taggedTerms(doors: readonly Door[]): string[] {
  if (doors.length === 0) return [];
  const ports = doors.flatMap((door) => door.sequence.map((step) => step.port));
  const range = { first: Math.min(...ports), last: Math.max(...ports) };
  const inner = taggedTerm(20, range);
  return [`(${isTag(12)} and (${taggedTerm(16, range)} or (${isTag(16)} and (${inner}))))`];
}

function isTag(at: number): string {
  return `(${['0x8100', '0x88a8', '0x9100'].map((type) => `ether[${at}:2] = ${type}`).join(' or ')})`;
}

/** Matches packets of the range in a frame whose last EtherType is at `at`. */
function taggedTerm(at: number, { first, last }: Range): string {
  const ip = at + 2;
  const inRange = (port: string): string => `ether[${port}:2] >= ${first} and ether[${port}:2] <= ${last}`;
  const extensions = EXTENSIONS.map((header) => `ether[${ip + 6}] = ${header}`).join(' or ');
  const ipv4 = `ether[${at}:2] = 0x0800 and ${inRange(`${ip + 2} + (ether[${ip}] & 15) * 4`)}`;
  const ipv6 = `ether[${at}:2] = 0x86dd and (${extensions} or (${inRange(String(ip + 42))}))`;
  return `(${ipv4}) or (${ipv6})`;
}

function portTerms(doors: readonly Door[]): string[] {
  const udp = toRanges(portsOf(doors, 'udp').keys());
  const tcpPorts = portsOf(doors, 'tcp');
  const groups = groupByFlags(tcpPorts).map(allPorts);
  const count = groups.reduce((sum, group) => sum + group.ranges.length, udp.length);
  if (count <= MAX_RANGES && groups.length <= MAX_GROUPS) return [...groups.map(tcpTerm), ...udpTerm(udp)];
  const all = toRanges(tcpPorts.keys());
  const flags = [...tcpPorts.values()].reduce(
    inCommon,
    tcpPorts.values().next().value ?? { mask: 0, value: 0 },
  );
  const share = MAX_RANGES / 2;
  const coarse = all.length === 0 ? [] : [tcpTerm({ flags, ranges: closeGaps(all, share) })];
  return [...coarse, ...udpTerm(closeGaps(udp, share))];
}

/**
 * For doors that only count the first packet of a connection, extends the range to all ports: there are few such
 * packets, and neither response times nor the work of this process then reveal the knock ports.
 */
function allPorts(group: Group): Group {
  if (!countsBeginnings(group.flags)) return group;
  return { ...group, ranges: [coveredPorts(group.ranges.map(({ first }) => first))] };
}

/** Returns the protocol's ports, each with the flags that all doors with that port require. */
function portsOf(doors: readonly Door[], protocol: Protocol): Map<number, FlagFilter> {
  const ports = new Map<number, FlagFilter>();
  for (const door of doors) {
    for (const step of door.sequence) {
      if (step.protocol !== protocol) continue;
      ports.set(step.port, inCommon(door.flags, ports.get(step.port) ?? door.flags));
    }
  }
  return ports;
}

/** Returns a filter that passes everything that passes either one: the flags on which both agree. */
function inCommon(a: FlagFilter, b: FlagFilter): FlagFilter {
  const mask = a.mask & b.mask & ~(a.value ^ b.value);
  return { mask, value: a.value & mask };
}

function groupByFlags(ports: ReadonlyMap<number, FlagFilter>): Group[] {
  const byFlags = new Map<string, { flags: FlagFilter; ports: number[] }>();
  for (const [port, flags] of ports) {
    const name = `${flags.mask}/${flags.value}`;
    const group = byFlags.get(name) ?? { flags, ports: [] };
    group.ports.push(port);
    byFlags.set(name, group);
  }
  return [...byFlags.values()].map((group) => ({ flags: group.flags, ranges: toRanges(group.ports) }));
}

/** Merges neighbouring ports into ranges, in ascending order. */
function toRanges(ports: Iterable<number>): Range[] {
  const ranges: Range[] = [];
  for (const port of [...ports].sort((a, b) => a - b)) {
    const previous = ranges.at(-1);
    if (previous?.last === port - 1) ranges[ranges.length - 1] = { first: previous.first, last: port };
    else ranges.push({ first: port, last: port });
  }
  return ranges;
}

/** Returns at most `max` ranges that cover the given ones; the smallest gaps are closed first. */
function closeGaps(ranges: readonly Range[], max: number): Range[] {
  const gapBefore = (index: number): number => (ranges[index]?.first ?? 0) - (ranges[index - 1]?.last ?? 0);
  const kept = new Set(
    [...ranges.keys()]
      .slice(1)
      .sort((a, b) => gapBefore(b) - gapBefore(a))
      .slice(0, max - 1),
  );
  const closed: Range[] = [];
  for (const [index, range] of ranges.entries()) {
    const previous = closed.at(-1);
    if (previous === undefined || kept.has(index)) closed.push(range);
    else closed[closed.length - 1] = { first: previous.first, last: range.last };
  }
  return closed;
}

function tcpTerm(group: Group): string {
  const ports = group.ranges.map((range) => rangeTerm('tcp', range)).join(' or ');
  const { mask, value } = group.flags;
  if (mask === 0) return `(${ports})`;
  // `tcp[13]` works for IPv4 only; after an IPv6 header of 40 bytes the same byte is at 53. The next header is checked
  // first: a load beyond the end of a packet (a short UDP datagram) rejects it at once, whatever the following terms
  // say.
  const flags = `tcp[13] & ${mask} = ${value} or (ip6[6] = 6 and ip6[53] & ${mask} = ${value})`;
  return `((${flags}) and (${ports}))`;
}

function udpTerm(ranges: readonly Range[]): string[] {
  return ranges.length === 0 ? [] : [`(${ranges.map((range) => rangeTerm('udp', range)).join(' or ')})`];
}

function rangeTerm(protocol: Protocol, { first, last }: Range): string {
  return first === last ? `${protocol} dst port ${first}` : `${protocol} dst portrange ${first}-${last}`;
}
