import type { Match, Negatable, RuleOption, Target } from './types.js';

/** The matches and the target of a rule. */
export interface Spec {
  readonly protocol: Negatable | undefined;
  readonly source: Negatable | undefined;
  readonly destination: Negatable | undefined;
  readonly inInterface: Negatable | undefined;
  readonly outInterface: Negatable | undefined;
  readonly matches: readonly Match[];
  readonly target: Target | undefined;
  /** Options of no match and no target, such as `-f`, and words without an option (name `''`). */
  readonly otherOptions: readonly RuleOption[];
}

type Field = 'protocol' | 'source' | 'destination' | 'inInterface' | 'outInterface';

const FIELDS = new Map<string, Field>([
  ['-p', 'protocol'],
  ['--protocol', 'protocol'],
  ['--proto', 'protocol'],
  ['-s', 'source'],
  ['--source', 'source'],
  ['--src', 'source'],
  ['-d', 'destination'],
  ['--destination', 'destination'],
  ['--dst', 'destination'],
  ['-i', 'inInterface'],
  ['--in-interface', 'inInterface'],
  ['-o', 'outInterface'],
  ['--out-interface', 'outInterface'],
]);

const MATCH = new Set(['-m', '--match']);
const TARGETS = new Map<string, Target['by']>([
  ['-j', 'jump'],
  ['--jump', 'jump'],
  ['-g', 'goto'],
  ['--goto', 'goto'],
]);

/** Options of iptables itself without a field of their own: every single letter, and these. */
const GENERAL = new Set(['--fragment', '--set-counters', '--ipv4', '--ipv6']);

/**
 * Options that always take the next word as their value: iptables-save prints a comment `-j` as `--comment -j`. Others
 * take the words up to the next one that looks like an option.
 */
const TAKES_ANY_WORD = new Set([
  ...FIELDS.keys(),
  ...MATCH,
  ...TARGETS.keys(),
  '--comment',
  '--log-prefix',
  '--nflog-prefix',
  '--ulog-prefix',
  '--string',
  '--hex-string',
  '--helper',
  '--name',
  '--hashlimit-name',
  '--path',
  '--bytecode',
  '--object-pinned',
  '--selctx',
  '--label',
  '--match-set',
  '--add-set',
  '--del-set',
  '--map-set',
]);

const OPTION = /^(?:-[A-Za-z46]|--[A-Za-z0-9][A-Za-z0-9_-]*(?:=[^]*)?)$/;

/**
 * Parses the words of a rule after its chain. Nothing is an error: unknown words are kept. Options belong to the match
 * or target before them, as iptables-save prints them; before any, to the protocol (`-p tcp --dport 22` yields a match
 * `tcp`).
 */
export function readSpec(words: readonly string[]): Spec {
  const fields: Partial<Record<Field, Negatable>> = {};
  const matches: { module: string; options: RuleOption[] }[] = [];
  const otherOptions: RuleOption[] = [];
  let target: { name: string; by: Target['by']; options: RuleOption[] } | undefined;
  let section: RuleOption[] | undefined;
  for (const option of readOptions(words)) {
    const value = option.values.join(' ');
    // `-m policy` has its own `--proto`.
    const ofPolicy =
      option.name === '--proto' && section !== undefined && matches.at(-1)?.module === 'policy';
    const field = ofPolicy ? undefined : FIELDS.get(option.name);
    const by = TARGETS.get(option.name);
    if (field !== undefined) {
      fields[field] = { value, negated: option.negated };
    } else if (by !== undefined) {
      section = [];
      target = { name: value, by, options: section };
    } else if (MATCH.has(option.name)) {
      section = [];
      matches.push({ module: value, options: section });
    } else if (isGeneral(option.name)) {
      otherOptions.push(option);
    } else if (section !== undefined) {
      section.push(option);
    } else if (fields.protocol?.negated === false) {
      section = [option];
      matches.push({ module: fields.protocol.value, options: section });
    } else {
      otherOptions.push(option);
    }
  }
  return {
    protocol: fields.protocol,
    source: fields.source,
    destination: fields.destination,
    inInterface: fields.inInterface,
    outInterface: fields.outInterface,
    matches,
    target,
    otherOptions,
  };
}

function isGeneral(name: string): boolean {
  return name.length < 3 || GENERAL.has(name);
}

function readOptions(words: readonly string[]): RuleOption[] {
  const options: RuleOption[] = [];
  let at = 0;
  while (at < words.length) {
    const negated = isNegation(words, at);
    if (negated) at += 1;
    const word = words[at] ?? '';
    const named = OPTION.test(word);
    const equals = named ? word.indexOf('=') : -1;
    const values = equals === -1 ? [] : [word.slice(equals + 1)];
    const name = equals === -1 ? word : word.slice(0, equals);
    if (named) at += 1;
    let anyWord = !named || (equals === -1 && TAKES_ANY_WORD.has(name));
    while (at < words.length && (anyWord || !(isNegation(words, at) || OPTION.test(words[at] ?? '')))) {
      values.push(words[at] ?? '');
      anyWord = false;
      at += 1;
    }
    options.push({ name: named ? name : '', negated, values });
  }
  return options;
}

/** A `!` negates the option after it; anywhere else it is a value. */
function isNegation(words: readonly string[], at: number): boolean {
  return words[at] === '!' && OPTION.test(words[at + 1] ?? '');
}
