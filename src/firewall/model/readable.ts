import type { Family } from '../../base/address.js';
import type { Service } from './service.js';

/**
 * Which matches the kernel has for packets that ordinary rules cannot read. A rule that cannot be evaluated does not
 * match, so without them an unreadable packet would pass (docs/decisions/0011-readable-packets.md). Pure.
 */
export interface Readable {
  /**
   * The match whose presence alone makes the kernel reassemble fragments before the rules; undefined: none available.
   */
  readonly reassemble: Reassembler | undefined;
  /** Whether the match for fragment headers is available; IPv6 only, IPv4 needs none. */
  readonly fragment: boolean;
  /** Whether the match for routing headers is available; IPv6 only. */
  readonly routed: boolean;
  /**
   * Whether the match for bytes at any offset (u32) is available, which detects packets that the kernel misreads; IPv6
   * only.
   */
  readonly headers: boolean;
}

export type Reassembler = 'socket' | 'conntrack';

/** In order of preference: xt_socket only enables nf_defrag, conntrack also tracks every connection. */
export const REASSEMBLERS: Readonly<Record<Reassembler, string>> = {
  socket: '-m socket',
  conntrack: '-m conntrack --ctstate INVALID',
};

/**
 * A packet that is still a first fragment after reassembly: a fragment within a fragment, or one excluded from
 * reassembly.
 */
const FRAGMENT = '-m frag --fragfirst';
/** A packet that continues to another address after delivery (segment routing header, RFC 8754). */
const ROUTED = '-m rt --rt-segsleft 1:4294967295';

/**
 * Extension headers that the kernel reads after the fixed header of 40 bytes (0x28): each begins with the number of the
 * next header, then its length in units of 8 bytes, not counting the first.
 */
const CHAINED = '0x0,0x2b,0x3c';
/** All other header numbers, fragment and authentication header included. */
const LAST = '0x1:0x2a,0x2c:0x3b,0x3d:0xff';
/** Header numbers that lead to a port or to more headers: TCP, UDP, and extension headers. */
const LEADS_ON = '0x6,0x11,0x2b,0x2c,0x33,0x3c';
/** The next-header byte of the first, second and third header of the chain. */
const FIRST = '0x28>>0x18';
const SECOND = '0x28>>0xd&0x7f8@0x30>>0x18';
const THIRD = '0x28>>0xd&0x7f8@0x30>>0xd&0x7f8@0x38>>0x18';

/** A packet with at least one extension header. */
const HEADERS = `-m u32 --u32 "0x4>>0x8&0xff=${CHAINED}"`;
/**
 * If headers precede the fragment header, Linux takes the content of the fragments, once they are reassembled before
 * the rules, for another header of the first kind, whatever it is (measured on 6.18). What the rules read as UDP is
 * then a SYN to the kernel, if its first byte is the number of TCP. Chains of three or more headers do not occur in
 * practice, and are too long for u32.
 */
const MISREAD: readonly string[] = [
  `${FIRST}=${LAST}&&${SECOND}=${LEADS_ON}`,
  `${FIRST}=${CHAINED}&&${SECOND}=${LAST}&&${THIRD}=${LEADS_ON}`,
  `${FIRST}=${CHAINED}&&${SECOND}=${CHAINED}`,
].map((tests) => `-m u32 --u32 "${tests}"`);

/** Matches that knockctl's rules need to load; all are IPv6 only. */
export const PROBES: Readonly<Record<'fragment' | 'routed' | 'headers', string>> = {
  fragment: FRAGMENT,
  routed: ROUTED,
  headers: HEADERS,
};

/** A kernel with all matches. */
export const ALL_READABLE: Readable = { reassemble: 'socket', fragment: true, routed: true, headers: true };

/**
 * Returns the values of the placeholders for unreadable packets; undefined omits the template line, several values
 * repeat it.
 */
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

/** TCP packets that do not open a connection. */
const NO_SYN = '-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN';

/**
 * True if packets that open no connection must belong to an existing one: to a socket of this host. That is possible in
 * INPUT only, and only if the kernel has the socket match (docs/decisions/0015-silence.md).
 */
function dropsStrays({ chain, protocol, strays }: Service, { reassemble }: Readable): boolean {
  return protocol === 'tcp' && chain === 'INPUT' && strays !== 'pass' && reassemble === 'socket';
}

/** IPv4 packets for this host are already reassembled. */
function laterFragments(chain: string, protocol: Service['protocol']): string | undefined {
  return chain === 'INPUT' ? undefined : `-p ${protocol} -f`;
}

/** Describes which matches this kernel lacks and the effect; empty if it has all. */
export function readableNotes(readable: ReadonlyMap<Family, Readable>): string[] {
  return [...readable].flatMap(([family, { reassemble, fragment, routed, headers }]) => {
    const notes: string[] = [];
    const note = (text: string): void => void notes.push(`IPv${family}: ${text}`);
    if (reassemble === 'conntrack') {
      note(
        'the match socket is not available: conntrack reassembles fragments instead, and tracks all connections',
      );
    } else if (reassemble === undefined) {
      note(
        'neither the match socket nor conntrack is available: fragments that the rules cannot read may open a port; load the kernel module xt_socket',
      );
    }
    if (family === 6 && !fragment) {
      note(
        'the match frag is not available: fragments within fragments may pass; load the kernel module ip6t_frag',
      );
    }
    if (family === 6 && !headers) {
      note(
        'the match u32 is not available: fragments behind extension headers, which the kernel misreads, may open a port; load the kernel module xt_u32',
      );
    }
    if (family === 6 && !routed) {
      note(
        'the match rt is not available: address = in a service is not enforced if seg6_enabled is 1; load the kernel module ip6t_rt',
      );
    }
    return notes;
  });
}
