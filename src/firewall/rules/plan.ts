import type { Family } from '../../base/address.js';
import { findTable, rulesOf, chains as chainsOf, commands } from '../../iptables-parser/query.js';
import { deletion, type Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { gateChain, hiddenTag, jumpTag } from '../model/names.js';
import { inTable, type TableName } from '../model/table-name.js';
import type { DesiredService, Jump } from './template.js';

/** From what should be and what is to the smallest transaction. Pure. */

/** Input for one `iptables-restore --noflush`, of one table; empty where nothing has to change. */
export interface Transaction {
  readonly text: string;
  /** What it changes, in words for the log: empty together with `text`. */
  readonly changes: readonly string[];
}

/** A chain of somebody else's that is not there: no packet passes it, and the jump into it has to wait (Docker makes DOCKER-USER). */
export interface MissingParentChain {
  readonly service: string;
  readonly family: Family;
  readonly chain: string;
}

/**
 * True where the rules in force are the desired ones. The kernel prints rules in a form of its own,
 * which an administrator's template need not have: who applied them knows what they look like then.
 */
export type SameRules = (chain: string, desired: readonly string[], actual: readonly string[]) => boolean;

export interface ApplyOptions {
  /** Also the jumps: only with them does any packet meet our chains. */
  readonly jump: boolean;
  /** Chains of ours that go once no jump of ours leads to them any more: those of a trial that is over. */
  readonly drop?: readonly string[];
  readonly hook: 'first' | 'last';
  readonly same: SameRules;
  /** The table that is planned; filter where it is not said. Of the desired services, those of another one are passed over. */
  readonly table?: TableName;
}

/** Chains of the filter table, and of mangle, that are always there. */
export const BUILT_IN: readonly string[] = ['INPUT', 'FORWARD', 'OUTPUT'];

/** What has to change so that the desired services are in force. Nothing of others is written. */
export function planApply(
  all: readonly DesiredService[],
  actual: Ruleset,
  options: ApplyOptions,
): Transaction {
  const { table: name = 'filter' } = options;
  const desired = inTable(all, name);
  const table = findTable(actual, name);
  const existing = chainNames(table);
  const own = new Set(desired.flatMap((service) => [...service.chains.keys()]));
  const chainLines: string[] = [];
  const lines: string[] = [];
  const changes: string[] = [];
  const draft: Draft = { own, lines, changes, first: new Set() };
  for (const service of desired) {
    for (const [chain, rules] of service.chains) {
      const current = rulesIn(table, chain);
      if (existing.has(chain) && options.same(chain, rules, current)) continue;
      changes.push(existing.has(chain) ? `chain ${chain} was changed` : `chain ${chain} was missing`);
      // To --noflush, a chain line empties that chain, or makes it. All of them stand before the first rule.
      chainLines.push(`:${chain} - [0:0]`);
      lines.push(...rules.map((rule) => `-A ${chain} ${rule}`));
    }
    if (options.jump) planJumps(service, table, existing, options, draft);
  }
  if (options.jump) {
    const drop = planDrop(
      table,
      (options.drop ?? []).filter((chain) => !own.has(chain)),
      desired,
      own,
    );
    lines.push(...drop.lines);
    changes.push(...drop.gone.map((chain) => `chain ${chain}, which nothing needs any more, was taken out`));
  }
  return transaction(name, [...chainLines, ...lines], changes);
}

interface Draft {
  /** Every chain of ours. */
  readonly own: ReadonlySet<string>;
  readonly lines: string[];
  readonly changes: string[];
  /** Chains that another rule of ours is now the first of. */
  readonly first: Set<string>;
}

function planJumps(
  service: DesiredService,
  table: Table | undefined,
  existing: ReadonlySet<string>,
  options: ApplyOptions,
  draft: Draft,
): void {
  const jumps = installable(service.jumps, existing);
  // A copy in a chain of ours goes when that chain is emptied: to delete it as well would be a fault.
  const tagged =
    table === undefined
      ? []
      : taggedRules(table, service.service).filter((rule) => !draft.own.has(rule.chain ?? ''));
  const isRight = areJumps(tagged, jumps, options.same);
  const isDisplaced = service.first === true && jumps.some(({ chain }) => draft.first.has(chain));
  if (isRight && !isDisplaced) return;
  draft.lines.push(...tagged.map((rule) => deletion(rule).text));
  const insert = service.first === true || options.hook === 'first';
  // The last one inserted stands first.
  for (const { chain, rule } of insert ? [...jumps].reverse() : jumps) {
    draft.lines.push(`${insert ? '-I' : '-A'} ${chain} ${rule}`);
    if (insert) draft.first.add(chain);
  }
  if (isRight) return;
  const found = tagged.length === 0 ? 'was missing' : `was there ${tagged.length} times, or changed`;
  draft.changes.push(`the jump to ${jumpedTo(service)} ${found}`);
}

/** What a jump leads to, for people. */
function jumpedTo({ service, table }: DesiredService): string {
  if (service.includes('.')) return service;
  return table === 'mangle' ? gateChain(service) : `${service}_policy`;
}

/** The jumps that can be in force. */
export function installable(jumps: readonly Jump[], existing: ReadonlySet<string>): readonly Jump[] {
  return jumps.filter(({ chain }) => existing.has(chain) || BUILT_IN.includes(chain));
}

/** The chains that jumps wait for. */
export function missingParentChains(
  family: Family,
  desired: readonly DesiredService[],
  actual: Ruleset,
): readonly MissingParentChain[] {
  const existing = chainNames(findTable(actual, 'filter'));
  return inTable(desired, 'filter').flatMap(({ service, jumps }) => {
    const there = installable(jumps, existing);
    const chains = jumps.filter((jump) => !there.includes(jump)).map(({ chain }) => chain);
    return [...new Set(chains)].map((chain) => ({ service, family, chain }));
  });
}

/** The chains of a table. */
export function chainNames(table: Table | undefined): ReadonlySet<string> {
  return new Set(table === undefined ? [] : chainsOf(table).map(({ name }) => name));
}

/** What was left in place by a removal, and why. */
export interface Removal extends Transaction {
  readonly left: readonly string[];
}

/** Takes out jumps and chains of services. A chain that a foreign rule still names is emptied and left. */
export function planRemove(
  all: readonly DesiredService[],
  actual: Ruleset,
  name: TableName = 'filter',
): Removal {
  const services = inTable(all, name);
  const table = findTable(actual, name);
  if (table === undefined) return { ...transaction(name, [], []), left: [] };
  const existing = chainNames(table);
  const jumps = services.flatMap((service) => taggedRules(table, service.service));
  const own = services
    .flatMap((service) => [...service.chains.keys()])
    .filter((chain) => existing.has(chain));
  const foreign = foreignRules(table, own, new Set(jumps), own);
  const named = new Set(foreign.map((rule) => rule.target?.name));
  const lines = [
    ...jumps.map((rule) => deletion(rule).text),
    ...own.map((chain) => `-F ${chain}`),
    ...own.filter((chain) => !named.has(chain)).map((chain) => `-X ${chain}`),
  ];
  const left = foreign.map(
    (rule) => `chain ${rule.target?.name ?? ''} stays, empty: a rule of somebody else names it: ${rule.text}`,
  );
  return { ...transaction(name, lines, lines), left };
}

/** Empties chains that are ours no more, and takes them out where no rule of somebody else names them. */
function planDrop(
  table: Table | undefined,
  drop: readonly string[],
  desired: readonly DesiredService[],
  own: ReadonlySet<string>,
): { readonly lines: readonly string[]; readonly gone: readonly string[] } {
  if (table === undefined || drop.length === 0) return { lines: [], gone: [] };
  const existing = chainNames(table);
  const present = drop.filter((chain) => existing.has(chain));
  const jumps = new Set(desired.flatMap((service) => taggedRules(table, service.service)));
  const foreign = foreignRules(table, present, jumps, [...own, ...present]);
  const named = new Set(foreign.map((rule) => rule.target?.name));
  // What has to stay, and is empty already, is no change.
  const gone = present.filter((chain) => !named.has(chain) || rulesOf(table, chain).length > 0);
  const lines = [
    ...gone.map((chain) => `-F ${chain}`),
    ...gone.filter((chain) => !named.has(chain)).map((chain) => `-X ${chain}`),
  ];
  return { lines, gone };
}

/** The rules that lead to one of `chains`, but for those in chains of ours, and jumps of ours. */
function foreignRules(
  table: Table,
  chains: readonly string[],
  jumps: ReadonlySet<Rule>,
  own: readonly string[],
): Rule[] {
  return commands(table).filter(
    (rule) => !jumps.has(rule) && !own.includes(rule.chain ?? '') && namesOneOf(rule, chains),
  );
}

/** The jumps of a service, wherever they stand: known by their comment, never by number. */
export function taggedRules(table: Table, service: string): Rule[] {
  const tags = [jumpTag(service), hiddenTag(service)];
  // The text first: reading the comment of 10,000 foreign rules costs more than all the rest.
  return commands(table).filter((rule) =>
    tags.some((tag) => rule.text.includes(tag) && rule.comments.includes(tag)),
  );
}

/** True where the tagged rules are the jumps: no more, each in its chain, and within a chain in their order. */
export function areJumps(tagged: readonly Rule[], jumps: readonly Jump[], same: SameRules): boolean {
  if (tagged.length !== jumps.length) return false;
  const chains = new Set(jumps.map((jump) => jump.chain));
  return [...chains].every((chain) => {
    const wanted = jumps.filter((jump) => jump.chain === chain);
    const found = tagged.filter((rule) => rule.chain === chain);
    return (
      found.length === wanted.length &&
      wanted.every((jump, index) => same(chain, [jump.rule], [found[index]?.specText ?? '']))
    );
  });
}

function namesOneOf(rule: Rule, own: readonly string[]): boolean {
  return own.some((chain) => rule.text.includes(chain)) && own.includes(rule.target?.name ?? '');
}

/** What follows `-A CHAIN ` of each rule of a chain. */
export function rulesIn(table: Table | undefined, chain: string): string[] {
  return table === undefined ? [] : rulesOf(table, chain).map((rule) => rule.specText);
}

function transaction(table: TableName, lines: readonly string[], changes: readonly string[]): Transaction {
  const text = lines.length === 0 ? '' : `*${table}\n${lines.join('\n')}\nCOMMIT\n`;
  return { text, changes };
}
