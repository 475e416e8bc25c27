import { ParseError } from './error.js';
import { commandLetter, readHead, type Head } from './head.js';
import { checkLine } from './line.js';
import { readSpec, type Spec } from './spec.js';
import { quoteIfNeeded, splitWords } from './words.js';
import type { Command, Counters, Match, Negatable, RuleOption, Target } from './types.js';

/**
 * A line of a table that begins with a command, `-A INPUT …` mostly. The text is the rule; all else is
 * read from it, the matches and the target only when first asked for. It is one line but for a comment
 * with a line break in it, which iptables-save prints as it is and iptables-restore cannot read back.
 */
export class Rule {
  readonly kind = 'rule';
  /** The line as it stands. */
  readonly text: string;
  readonly command: Command;
  /** Absent only where `-F`, `-X` or `-Z` mean every chain. */
  readonly chain: string | undefined;
  /** The rule number of `-I`, `-D`, `-R` and `-Z`, from 1. */
  readonly position: number | undefined;
  /** As `-c` prints them before the rule. */
  readonly counters: Counters | undefined;
  readonly #specStart: number;
  #words: readonly string[] | undefined;
  #spec: Spec | undefined;

  /** Use parseRule or makeRule. */
  constructor(text: string, head: Head) {
    this.text = text;
    this.command = head.command;
    this.chain = head.chain;
    this.position = head.position;
    this.counters = head.counters;
    this.#specStart = head.specStart;
  }

  /** What follows chain and number, as it stands: matches and target, a policy, a new name. */
  get specText(): string {
    return this.text.slice(this.#specStart);
  }

  /** The words of specText, quotes and escapes decoded. */
  get words(): readonly string[] {
    this.#words ??= splitWords(this.specText);
    return this.#words;
  }

  get protocol(): Negatable | undefined {
    return this.#read().protocol;
  }

  get source(): Negatable | undefined {
    return this.#read().source;
  }

  get destination(): Negatable | undefined {
    return this.#read().destination;
  }

  get inInterface(): Negatable | undefined {
    return this.#read().inInterface;
  }

  get outInterface(): Negatable | undefined {
    return this.#read().outInterface;
  }

  get matches(): readonly Match[] {
    return this.#read().matches;
  }

  get target(): Target | undefined {
    return this.#read().target;
  }

  /** Options of no match and no target, such as `-f`; words that belong to nothing have the name `''`. */
  get otherOptions(): readonly RuleOption[] {
    return this.#read().otherOptions;
  }

  /** The first comment: a rule can have several. */
  get comment(): string | undefined {
    return this.comments[0];
  }

  /** The values of `-m comment --comment`, in their order. */
  get comments(): readonly string[] {
    return this.matches
      .filter((match) => match.module === 'comment')
      .flatMap((match) => match.options)
      .filter((option) => option.name === '--comment')
      .map((option) => option.values[0] ?? '');
  }

  #read(): Spec {
    // -P and -E are followed by a word that is neither match nor target.
    this.#spec ??= readSpec(this.command === 'policy' || this.command === 'rename-chain' ? [] : this.words);
    return this.#spec;
  }
}

/** What a rule is made of; `words` are those after chain and number, not yet quoted. */
interface RuleParts {
  /** `append` by default. */
  readonly command?: Command;
  readonly chain?: string;
  readonly position?: number;
  readonly counters?: Counters;
  readonly words?: readonly string[];
}

/** Reads one line with a command. Throws ParseError, with `line` as its line. */
export function parseRule(text: string, line = 1): Rule {
  checkLine(text, line);
  const lineBreak = text.indexOf('\n');
  if (lineBreak !== -1) throw new ParseError('a line break in a rule', line, text, lineBreak + 1);
  return new Rule(text, readHead(text, line));
}

/** Makes a rule from its parts. Throws ParseError where iptables-restore could not read the line. */
export function makeRule(parts: RuleParts): Rule {
  const { command = 'append', chain, position, counters, words = [] } = parts;
  const text = [
    ...(counters === undefined ? [] : [formatCounters(counters)]),
    commandLetter(command),
    ...(chain === undefined ? [] : [chain]),
    ...(position === undefined ? [] : [String(position)]),
    ...words.map(quoteIfNeeded),
  ].join(' ');
  const rule = parseRule(text);
  if (rule.chain !== chain || rule.position !== position) {
    throw new ParseError('the chain and the number given do not read back', 1, text);
  }
  return rule;
}

/**
 * The rule that takes the given one away: the same matches and target after `-D CHAIN`, without
 * counters and number. Throws TypeError where the line adds no rule (`-F`, `-P` …).
 */
export function deletion(rule: Rule): Rule {
  const adds = rule.command === 'append' || rule.command === 'insert' || rule.command === 'replace';
  if (!adds || rule.chain === undefined) {
    throw new TypeError(`nothing to delete again: ${JSON.stringify(rule.text)} adds no rule`);
  }
  const spec = rule.specText;
  const text = spec === '' ? `-D ${rule.chain}` : `-D ${rule.chain} ${spec}`;
  return new Rule(text, readHead(text, 1));
}

/** `[packets:bytes]`. */
export function formatCounters(counters: Counters): string {
  return `[${counters.packets}:${counters.bytes}]`;
}
