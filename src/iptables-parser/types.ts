import type { Rule } from './rule.js';

/** Exact, for the kernel counts in 64 bits. */
export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
}

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

/** What a line of a table does: the option of iptables(8) that it begins with. */
export type Command =
  | 'append'
  | 'insert'
  | 'delete'
  | 'replace'
  | 'flush'
  | 'zero'
  | 'new-chain'
  | 'delete-chain'
  | 'rename-chain'
  | 'policy';

/** A value, or with a `!` before the option, anything but that value. */
export interface Negatable {
  readonly value: string;
  readonly negated: boolean;
}

/** An option as it is written, `--dport`, with the decoded words that follow it. */
export interface RuleOption {
  readonly name: string;
  readonly negated: boolean;
  readonly values: readonly string[];
}

/** A match with its options, known or not. */
export interface Match {
  readonly module: string;
  readonly options: readonly RuleOption[];
}

/** A target, or the chain that is jumped to, with its options. */
export interface Target {
  readonly name: string;
  /** `-j` or `-g`. */
  readonly by: 'jump' | 'goto';
  readonly options: readonly RuleOption[];
}
