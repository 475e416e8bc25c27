import type { Family } from '../base/address.js';
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

/** Matches without which a rule of ours cannot be loaded, by family. */
export const PROBES: Readonly<Record<'fragment' | 'routed', string>> = { fragment: FRAGMENT, routed: ROUTED };

/** A kernel that has all of it. */
export const ALL_READABLE: Readable = { reassemble: 'socket', fragment: true, routed: true };

/** The values of the placeholders that are about it; undefined leaves the line out. */
export function readableWords(
  { chain, protocol, addresses }: Service,
  family: Family,
  readable: Readable,
): Record<'FROM' | 'REASSEMBLE' | 'FRAGMENT' | 'ROUTED', string | undefined> {
  const { reassemble, fragment, routed } = readable;
  return {
    // iptables refuses -i in OUTPUT.
    FROM: chain === 'OUTPUT' ? '' : '! -i lo',
    REASSEMBLE: reassemble === undefined ? undefined : REASSEMBLERS[reassemble],
    FRAGMENT: family === 4 ? laterFragments(chain, protocol) : fragment ? FRAGMENT : undefined,
    ROUTED: family === 6 && routed && addresses.length > 0 ? ROUTED : undefined,
  };
}

/** What IPv4 delivers to this host it has reassembled. */
function laterFragments(chain: string, protocol: Service['protocol']): string | undefined {
  return chain === 'INPUT' ? undefined : `-p ${protocol} -f`;
}

/** What this kernel lacks, for an administrator; nothing if it has all. */
export function readableNotes(readable: ReadonlyMap<Family, Readable>): string[] {
  return [...readable].flatMap(([family, { reassemble, fragment, routed }]) => {
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
    if (family === 6 && !routed) {
      note(
        'the match rt is not to be had here: address = in a service does not hold where seg6_enabled is 1; load the kernel module ip6t_rt',
      );
    }
    return notes;
  });
}
