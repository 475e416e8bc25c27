import type { Family } from '../../base/address.js';

/** A fallback to read knockctl's rules if iptables-save fails. */

/** Its result, in the format of iptables-save: only knockctl's rules, and rules that jump to its chains. */
export interface FallbackReading {
  /** A save of the table with these rules, for the parser. */
  readonly text: string;
  /** Packets counted by the last rule of each chain. */
  readonly counts: ReadonlyMap<string, number>;
  /** Applies a transaction in iptables-restore format; deletes only rules that were read. */
  readonly apply: (text: string) => Promise<void>;
}

export interface FallbackReader {
  /** The method's name, for messages: `nft`. */
  readonly name: string;
  /**
   * Throws if it cannot read the rules either. `isOwn` recognises knockctl's chains by name; `chains`: those that may
   * exist.
   */
  read(
    family: Family,
    isOwn: (name: string) => boolean,
    chains: ReadonlySet<string>,
  ): Promise<FallbackReading>;
}

/** Derives the label in a jump's comment from its target chain. */
export function labelOf(target: string): string {
  const label = target.replace(/\.new$/, '').replace(/_[^_]*$/, '');
  return /_(?:hidden|headers|gate\.hide|gate\.head)(?:\.new)?$/.test(target) ? `hidden:${label}` : label;
}
