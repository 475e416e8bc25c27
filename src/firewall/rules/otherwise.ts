import type { Family } from '../../base/address.js';

/** A second way to our rules, for when a save of iptables cannot tell them. */

/** What it found: in the words of a save, but of rules only those of ours and those that lead to a chain of ours. */
export interface OtherReading {
  /** A save of the table with these rules, for the parser. */
  readonly text: string;
  /** Packets that the last rule of each chain has seen. */
  readonly counts: ReadonlyMap<string, number>;
  /** Makes a transaction, in the words of iptables-restore, and no other rule than those that were read. */
  readonly apply: (text: string) => Promise<void>;
}

export interface OtherWay {
  /** How, for messages: `nft`. */
  readonly name: string;
  /** Throws where it cannot tell either. `mine` tells chains of ours by their names; `chains`: those that may be there. */
  read(family: Family, mine: (name: string) => boolean, chains: ReadonlySet<string>): Promise<OtherReading>;
}

/** The comment of a jump, as far as the chain tells that it leads to. */
export function labelOf(target: string): string {
  const label = target.replace(/\.new$/, '').replace(/_[^_]*$/, '');
  return /_(?:hidden|headers|gate\.hide|gate\.head)(?:\.new)?$/.test(target) ? `hidden:${label}` : label;
}
