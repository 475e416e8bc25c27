import type { Family } from '../../base/address.js';
import type { Service } from './service.js';

/**
 * What the rules of a service ask of the kernel so that no packet passes because it cannot be read: a rule that cannot be
 * evaluated does not match (docs/decisions/0011-readable-packets.md). Pure.
 */
export interface Readable {
  /** The match whose mere presence makes the kernel reassemble fragments in front of the rules; undefined: it has none. */
  readonly reassemble: Reassembler | undefined;
  /** Has the match for fragment headers; IPv6 only, IPv4 needs none. */
  readonly fragment: boolean;
  /** Has the match for routing headers; IPv6 only. */
  readonly routed: boolean;
  /** Has the match for bytes at any place (u32), by which packets are known that the kernel misreads; IPv6 only. */
  readonly headers: boolean;
}

export type Reassembler = 'socket' | 'conntrack';

/** The first that a kernel has is taken: xt_socket turns on nf_defrag alone, conntrack follows every connection besides. */
export const REASSEMBLERS: Readonly<Record<Reassembler, string>> = {
  socket: '-m socket',
  conntrack: '-m conntrack --ctstate INVALID',
};

/** A first fragment that still is one behind the reassembly: one within another, or one that somebody keeps from it. */
const FRAGMENT = '-m frag --fragfirst';
/** A packet that goes on to another address once it has been delivered (a segment routing header, RFC 8754). */
const ROUTED = '-m rt --rt-segsleft 1:4294967295';

/**
 * Extension headers that the kernel reads behind the fixed one of 40 bytes (0x28): each begins with the number of what
 * follows, and its length in units of 8, the first not counted.
 */
const CHAINED = '0x0,0x2b,0x3c';
/** Whatever else may follow, fragment and authentication header included. */
const LAST = '0x1:0x2a,0x2c:0x3b,0x3d:0xff';
/** What leads to a port, or on: TCP, UDP, and headers again. */
const LEADS_ON = '0x6,0x11,0x2b,0x2c,0x33,0x3c';
/** The first bytes of the headers, by their place in the chain. */
const FIRST = '0x28>>0x18';
const SECOND = '0x28>>0xd&0x7f8@0x30>>0x18';
const THIRD = '0x28>>0xd&0x7f8@0x30>>0xd&0x7f8@0x38>>0x18';

/** A packet with at least one extension header. */
const HEADERS = `-m u32 --u32 "0x4>>0x8&0xff=${CHAINED}"`;
/**
 * Where headers stood in front of the fragment header, Linux takes what was in the fragments, once they are reassembled in
 * front of the rules, for another header of the first kind, whatever it is (measured on 6.18). So what the rules read as
 * UDP is a SYN to it, if its first byte is the number of TCP. Three headers or more are never seen, and too many for u32.
 */
const MISREAD: readonly string[] = [
  `${FIRST}=${LAST}&&${SECOND}=${LEADS_ON}`,
  `${FIRST}=${CHAINED}&&${SECOND}=${LAST}&&${THIRD}=${LEADS_ON}`,
  `${FIRST}=${CHAINED}&&${SECOND}=${CHAINED}`,
].map((tests) => `-m u32 --u32 "${tests}"`);

/** Matches without which a rule of ours cannot be loaded; all are of IPv6. */
export const PROBES: Readonly<Record<'fragment' | 'routed' | 'headers', string>> = {
  fragment: FRAGMENT,
  routed: ROUTED,
  headers: HEADERS,
};

/** A kernel that has all of it. */
export const ALL_READABLE: Readable = { reassemble: 'socket', fragment: true, routed: true, headers: true };

/** The values of the placeholders that are about it; undefined leaves the line out, several values repeat it. */
export function readableWords(
  service: Service,
  family: Family,
  readable: Readable,
): Record<
  'FROM' | 'REASSEMBLE' | 'TRACK' | 'FRAGMENT' | 'ROUTED' | 'HEADERS' | 'MISREAD' | 'STRAY' | 'KNOWN',
  string | readonly string[] | undefined
> {
  const { chain, protocol, addresses } = service;
  const { reassemble, fragment, routed } = readable;
  const known = dropsStrays(service, readable) ? REASSEMBLERS.socket : undefined;
  const headers = family === 6 && readable.headers;
  return {
    // iptables refuses -i in OUTPUT.
    FROM: chain === 'OUTPUT' ? '' : '! -i lo',
    REASSEMBLE: reassemble === undefined ? undefined : REASSEMBLERS[reassemble],
    TRACK: protocol === 'udp' ? REASSEMBLERS.conntrack : undefined,
    FRAGMENT: family === 4 ? laterFragments(chain, protocol) : fragment ? FRAGMENT : undefined,
    HEADERS: headers ? HEADERS : undefined,
    MISREAD: headers ? MISREAD : undefined,
    STRAY: known === undefined ? undefined : NO_SYN,
    KNOWN: known,
    ROUTED: family === 6 && routed && addresses.length > 0 ? ROUTED : undefined,
  };
}

/** Packets of TCP that begin no connection. */
const NO_SYN = '-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN';

/**
 * True where packets that begin no connection must belong to one: to a socket of this host, so in INPUT alone, where the kernel can be
 * asked for it (docs/decisions/0015-silence.md).
 */
function dropsStrays({ chain, protocol, strays }: Service, { reassemble }: Readable): boolean {
  return protocol === 'tcp' && chain === 'INPUT' && strays !== 'pass' && reassemble === 'socket';
}

/** What IPv4 delivers to this host it has reassembled. */
function laterFragments(chain: string, protocol: Service['protocol']): string | undefined {
  return chain === 'INPUT' ? undefined : `-p ${protocol} -f`;
}

/** What this kernel lacks, for an administrator; nothing if it has all. */
export function readableNotes(readable: ReadonlyMap<Family, Readable>): string[] {
  return [...readable].flatMap(([family, { reassemble, fragment, routed, headers }]) => {
    const notes: string[] = [];
    const note = (text: string): void => void notes.push(`IPv${family}: ${text}`);
    if (reassemble === 'conntrack') {
      note(
        'the match socket is not to be had here: conntrack reassembles fragments, and follows all connections',
      );
    } else if (reassemble === undefined) {
      note(
        'neither the match socket nor conntrack is to be had here: fragments that the rules cannot read may open a port; load the kernel module xt_socket',
      );
    }
    if (family === 6 && !fragment) {
      note(
        'the match frag is not to be had here: fragments within fragments may pass; load the kernel module ip6t_frag',
      );
    }
    if (family === 6 && !headers) {
      note(
        'the match u32 is not to be had here: fragments with headers in front of them, which the kernel misreads, may open a port; load the kernel module xt_u32',
      );
    }
    if (family === 6 && !routed) {
      note(
        'the match rt is not to be had here: address = in a service does not hold where seg6_enabled is 1; load the kernel module ip6t_rt',
      );
    }
    return notes;
  });
}
