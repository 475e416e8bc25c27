import type { Rule } from './rule.js';
import type { Counters } from './types.js';

/** A comment line, with its `#`, or an empty line. */
export interface Remark {
  readonly kind: 'remark';
  readonly text: string;
}

/** A chain line, `:INPUT ACCEPT [0:0]`. Make one with makeChain: `text` is what render prints. */
export interface Chain {
  readonly kind: 'chain';
  readonly text: string;
  readonly name: string;
  /** `ACCEPT`, `DROP` …, or `-` for a chain that somebody made. */
  readonly policy: string;
  readonly counters: Counters | undefined;
}

/** What stands between `*filter` and `COMMIT`, a line each (see Rule for the one exception). */
export type TableLine = Remark | Chain | Rule;

/** One table, from `*name` to `COMMIT`. */
export interface Table {
  readonly kind: 'table';
  readonly name: string;
  readonly lines: readonly TableLine[];
}

/** A whole save, in its order. The empty text is a ruleset without entries. */
export interface Ruleset {
  readonly entries: readonly (Remark | Table)[];
  /** iptables-legacy-restore refuses a last `COMMIT` without a line break, iptables-nft-restore takes it. */
  readonly finalNewline: boolean;
}
