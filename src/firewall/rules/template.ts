import type { Family } from '../../base/address.js';
import { ConfigError, errorText, type ConfigFault } from '../../base/errors.js';
import { ParseError } from '../../iptables-parser/error.js';
import { parse } from '../../iptables-parser/parse.js';
import { chains, commands, findTable, rulesOf, tables } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Table } from '../../iptables-parser/document.js';
import { chainPrefix, hiddenTag, jumpTag, MAX_CHAIN } from '../model/names.js';
import { ALL_READABLE, readableWords, type Readable } from '../model/readable.js';
import type { Service } from '../model/service.js';
import type { TableName } from '../model/table-name.js';

/** The rule templates of rules/: iptables-save text with placeholders. Pure. */

/** The text of a template, and the file it came from, for errors. */
export interface Template {
  readonly file: string;
  readonly text: string;
  /** The template of the second gate (gate.ts); the one that is shipped where none is given. */
  readonly gate?: Omit<Template, 'gate'> | undefined;
}

/** What one family of a table must hold for one service. Rules are what follows `-A CHAIN `. */
export interface DesiredService {
  readonly service: string;
  /** The rules of each of the service's own chains. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /**
   * The rules in chains that are not ours, in their order: one, and those for packets that hide what they are; none
   * where this family has nothing to protect; those of two versions while new rules are on trial.
   */
  readonly jumps: readonly Jump[];
  /** The jumps stand first in their chain, before all others of ours, whatever `hook` says. */
  readonly first?: true;
  /** The table that all of it stands in; `filter` where it is not said. */
  readonly table?: TableName;
}

/** A rule of ours in a chain that is not. */
export interface Jump {
  readonly chain: string;
  readonly rule: string;
}

const TARGETS = { restore: 'RETURN', flush: 'ACCEPT', hold: undefined } as const;
const NEW = {
  tcp: '-m tcp --tcp-flags FIN,SYN,RST,ACK SYN',
  udp: '-m conntrack ! --ctstate RELATED,ESTABLISHED',
} as const;

/**
 * The rules of a service for a family. Throws ConfigError, all faults at once, where the expanded
 * template is not what a service's rules can be.
 */
export function expandTemplate(
  template: Template,
  service: Service,
  family: Family,
  log: string | undefined,
  readable: Readable = ALL_READABLE,
): DesiredService {
  const values = placeholders(service, family, log, TARGETS[service.onFailure]);
  for (const [name, words] of Object.entries(readableWords(service, family, readable)))
    values.set(name, words);
  const prefix = chainPrefix(service.name);
  return expandRules(template, service, values, {
    table: 'filter',
    main: `${prefix}policy`,
    begin: `@SERVICE@_`,
    isOwn: (chain) => chain.startsWith(prefix),
  });
}

/** What is asked of a template, beside its form. */
interface TemplateKind {
  readonly table: TableName;
  /** The chain that must be there. */
  readonly main: string;
  /** The names that its chains may have; `begin` says it in words, with placeholders. */
  readonly isOwn: (chain: string) => boolean;
  readonly begin: string;
}

/** The rules of a service by a template of either kind. Throws ConfigError, all faults at once. */
export function expandRules(
  { file, text }: Pick<Template, 'file' | 'text'>,
  service: Service,
  values: ReadonlyMap<string, Value>,
  kind: TemplateKind,
): DesiredService {
  const table = readTable(file, substitute(text, values), kind.table);
  const faults = checkTable(table, file, service, kind);
  if (faults.length > 0) throw new ConfigError(faults);
  const own = chains(table).map((chain) => chain.name);
  return {
    service: service.name,
    chains: new Map(own.map((chain) => [chain, rulesOf(table, chain).map((rule) => rule.specText)])),
    jumps: rulesOf(table, service.chain).map((rule) => ({ chain: service.chain, rule: rule.specText })),
    ...(kind.table === 'filter' ? {} : { table: kind.table }),
  };
}

/** What the placeholders of a template stand for; a line with one that is undefined is left out. */
export function placeholders(
  service: Service,
  family: Family,
  log: string | undefined,
  whenLost: string | undefined,
): Map<string, Value> {
  return new Map<string, Value>([
    ['SERVICE', service.name],
    ['CHAIN', service.chain],
    ['PROTOCOL', service.protocol],
    ['PORTS', service.ports.join(',')],
    ['NEW', NEW[service.protocol]],
    ['TO', destination(service, family)],
    ['V', String(family)],
    ['LOG', log],
    ['ON_FAILURE', whenLost],
  ]);
}

/** Nothing without addresses; undefined where there are some, but none of this family. */
function destination(service: Service, family: Family): string | undefined {
  if (service.addresses.length === 0) return '';
  const address = service.addresses.find((text) => text.includes(':') === (family === 6));
  if (address === undefined) return undefined;
  return `-d ${address.includes('/') ? address : `${address}/${family === 4 ? 32 : 128}`}`;
}

/** What a placeholder stands for; nothing: the line is left out; several: it is repeated. */
type Value = string | readonly string[] | undefined;

const PLACEHOLDER = /@([A-Z_]+)@( ?)/g;

/** Fills the placeholders in, line by line; a line with a placeholder that has no value becomes empty. */
function substitute(text: string, values: ReadonlyMap<string, Value>): string {
  const fill = (line: string): string => {
    const names = [...line.matchAll(PLACEHOLDER)].map((match) => match[1] ?? '');
    if (names.some((name) => values.has(name) && values.get(name) === undefined)) return '';
    const several = names.find((name) => Array.isArray(values.get(name)));
    if (several !== undefined) {
      const all = [values.get(several) ?? []].flat();
      return all.map((one) => fill(line.replaceAll(`@${several}@`, () => one))).join('\n');
    }
    return line.replaceAll(PLACEHOLDER, (whole, name: string, space: string) => {
      const value = values.get(name);
      if (typeof value === 'object') return whole;
      return value === undefined ? whole : value === '' ? '' : value + space;
    });
  };
  return text
    .split('\n')
    .map((line) => (line.startsWith('#') ? line : fill(line)))
    .join('\n');
}

function readTable(file: string, text: string, name: TableName): Table {
  const fault = (line: number, message: string): ConfigError => new ConfigError([{ file, line, message }]);
  try {
    const ruleset = parse(text);
    const table = findTable(ruleset, name);
    if (table === undefined || tables(ruleset).length !== 1) {
      throw fault(0, `a template has one table, *${name}, and ends it by COMMIT`);
    }
    return table;
  } catch (error) {
    if (error instanceof ParseError) throw fault(error.line, errorText(error));
    throw error;
  }
}

function checkTable(table: Table, file: string, service: Service, kind: TemplateKind): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const add = (message: string): void =>
    void faults.push({ file, line: 0, message: `[service.${service.name}] ${message}` });
  const own = new Set(chains(table).map((chain) => chain.name));
  for (const chain of own) {
    if (!kind.isOwn(chain)) add(`chain ${chain} must begin with ${kind.begin}`);
    if (chain.length > MAX_CHAIN) add(`chain ${chain} is longer than ${MAX_CHAIN} characters`);
  }
  for (const rule of commands(table)) {
    const unknown = /@[A-Z_]+@/.exec(rule.text)?.[0];
    if (rule.command !== 'append') add(`only -A lines may stand in a template, not: ${rule.text}`);
    else if (unknown !== undefined) add(`unknown placeholder ${unknown} in: ${rule.text}`);
    else if (rule.chain !== undefined && !own.has(rule.chain)) checkJump(rule, service, add);
  }
  const hidden = hiddenTag(service.name);
  const jumps = rulesOf(table, service.chain).filter((rule) => !rule.comments.includes(hidden)).length;
  if (jumps > 1 || (jumps === 0 && service.addresses.length === 0)) {
    add(`exactly one rule belongs into @CHAIN@ (${service.chain}); there are ${jumps}`);
  }
  if (!own.has(kind.main)) add(`the chain ${kind.main.replace(service.name, '@SERVICE@')} is missing`);
  return faults;
}

function checkJump(rule: Rule, service: Service, add: (message: string) => void): void {
  if (rule.chain !== service.chain) {
    add(
      `a rule for ${String(rule.chain)}: only own chains and @CHAIN@ (${service.chain}) are ever written: ${rule.text}`,
    );
  } else if (!rule.comments.some((one) => [jumpTag(service.name), hiddenTag(service.name)].includes(one))) {
    add(`the rule in @CHAIN@ must keep its comment "knockctl:@SERVICE@": ${rule.text}`);
  }
}
