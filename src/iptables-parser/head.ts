import { ParseError } from './error.js';
import { findQuotes } from './words.js';
import type { Command, Counters } from './types.js';

/** The part of a rule line before its matches and target. */
export interface Head {
  readonly command: Command;
  /** Absent only if `-F`, `-X` or `-Z` apply to every chain. */
  readonly chain: string | undefined;
  /** The rule number of `-I`, `-D`, `-R` and `-Z`, from 1. */
  readonly position: number | undefined;
  readonly counters: Counters | undefined;
  /** The position of the rest in the line. */
  readonly specStart: number;
}

interface Form {
  readonly command: Command;
  readonly letter: string;
  readonly chain: 'needed' | 'optional';
  /** A rule number after the chain. */
  readonly position: 'needed' | 'optional' | 'none';
  /** What follows: matches and target, one word (`-P`, `-E`) or nothing. */
  readonly rest: 'spec' | 'word' | 'nothing';
}

const FORMS: readonly Form[] = [
  { command: 'append', letter: '-A', chain: 'needed', position: 'none', rest: 'spec' },
  { command: 'insert', letter: '-I', chain: 'needed', position: 'optional', rest: 'spec' },
  { command: 'delete', letter: '-D', chain: 'needed', position: 'optional', rest: 'spec' },
  { command: 'replace', letter: '-R', chain: 'needed', position: 'needed', rest: 'spec' },
  { command: 'flush', letter: '-F', chain: 'optional', position: 'none', rest: 'nothing' },
  { command: 'zero', letter: '-Z', chain: 'optional', position: 'optional', rest: 'nothing' },
  { command: 'new-chain', letter: '-N', chain: 'needed', position: 'none', rest: 'nothing' },
  { command: 'delete-chain', letter: '-X', chain: 'optional', position: 'none', rest: 'nothing' },
  { command: 'rename-chain', letter: '-E', chain: 'needed', position: 'none', rest: 'word' },
  { command: 'policy', letter: '-P', chain: 'needed', position: 'none', rest: 'word' },
];

const BY_WORD = new Map(
  FORMS.flatMap((form): [string, Form][] => [
    [form.letter, form],
    [`--${form.command}`, form],
  ]),
);

const START = /^[ \t]*(?:\[([0-9]{1,20}):([0-9]{1,20})\][ \t]*)?(-[A-Z]|--[a-z-]+)(?:[ \t]+|$)/;
const CHAIN = /([^-!" \t][^ \t]*)(?:[ \t]+|$)/y;
const NUMBER = /([1-9][0-9]{0,9})(?:[ \t]+|$)/y;
const WORD = /^[^ \t"]+[ \t]*$/;

/** Returns the option that iptables-save prints for the command: `-A` for append. */
export function commandLetter(command: Command): string {
  return FORMS.find((form) => form.command === command)?.letter ?? '';
}

/**
 * Parses the start of a rule line: counters, command, chain, rule number. Throws ParseError if the line has no command
 * that changes a table, or an unclosed quote.
 */
export function readHead(text: string, line: number): Head {
  const start = START.exec(text);
  const form = BY_WORD.get(start?.[3] ?? '');
  if (start === null || form === undefined) {
    throw new ParseError('not a chain, a rule, a comment or COMMIT', line, text);
  }
  const [{ length }, packets, bytes] = start;
  const chain = readAt(CHAIN, text, length);
  if (chain === undefined && (form.chain === 'needed' || length < text.length)) {
    throw new ParseError(`${form.letter} needs the name of a chain`, line, text, length + 1);
  }
  const afterChain = chain?.end ?? length;
  const number = form.position === 'none' ? undefined : readAt(NUMBER, text, afterChain);
  if (number === undefined && form.position === 'needed') {
    throw new ParseError(`${form.letter} needs the number of a rule, from 1`, line, text, afterChain + 1);
  }
  const specStart = number?.end ?? afterChain;
  checkRest(form, text, specStart, line);
  return {
    command: form.command,
    chain: chain?.value,
    position: number === undefined ? undefined : Number(number.value),
    counters:
      packets === undefined || bytes === undefined
        ? undefined
        : { packets: BigInt(packets), bytes: BigInt(bytes) },
    specStart,
  };
}

function checkRest(form: Form, text: string, start: number, line: number): void {
  const rest = text.slice(start);
  if (form.rest === 'nothing' && rest !== '') {
    throw new ParseError(`${form.letter} takes nothing more here`, line, text, start + 1);
  }
  if (form.rest === 'word' && !WORD.test(rest)) {
    throw new ParseError(`${form.letter} takes exactly one word after the chain`, line, text, start + 1);
  }
  const { open } = findQuotes(rest);
  if (open !== undefined) {
    // iptables-restore 1.8.9 takes the rest of such a line for one word, target included.
    throw new ParseError('a quote is never closed', line, text, start + open + 1);
  }
}

function readAt(pattern: RegExp, text: string, at: number): { value: string; end: number } | undefined {
  pattern.lastIndex = at;
  const value = pattern.exec(text)?.[1];
  return value === undefined ? undefined : { value, end: pattern.lastIndex };
}
