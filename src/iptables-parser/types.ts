/** Exact, for the kernel counts in 64 bits. */
export interface Counters {
  readonly packets: bigint;
  readonly bytes: bigint;
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
