import type { Family } from '../../base/address.js';

/**
 * What a rule adds to a set of networks, or takes out of it, is the network around the source with the longest prefix
 * that the set holds: with nothing but a /24 in it, a knock would let all 256 neighbours in (measured, kernel 6.18; with
 * an empty set it is the address alone). So while doors act on a set, it holds an address that can be no source, and
 * with `nomatch`, that matches nothing: a whole address then is the longest prefix there is.
 */
const SENTINEL = { 4: '255.255.255.255', 6: 'ff00::' } as const;

/** The line for ipset that makes additions by rules safe; as often as one likes. */
export function sentinelLine(set: string, family: Family): string {
  return `add ${set} ${SENTINEL[family]} timeout 0 nomatch`;
}

/** The line that takes it out again, when no rule adds to the set any more. */
export function sentinelRemoval(set: string, family: Family): string {
  return `del ${set} ${SENTINEL[family]}`;
}

/** What `ipset save` prints of a set, without its sentinel: that is no entry of anybody's. */
export function withoutSentinel(saved: string): string {
  return saved.replace(/^add \S+ (?:255\.255\.255\.255|ff00::) [^"\n]*nomatch\b.*\n/m, '');
}
