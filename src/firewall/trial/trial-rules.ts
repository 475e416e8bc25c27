import { FAMILIES } from '../../base/address.js';
import { splitWords } from '../../iptables-parser/words.js';
import { hiddenTag, setName, trialLabel } from '../model/names.js';
import { inTable, TABLES, type TableName } from '../model/table-name.js';
import type { DesiredService, Jump } from '../rules/template.js';
import { trialChains } from '../model/names.js';

/**
 * The desired services while `after` is on trial and `before` is what the kernel goes back to: a port
 * in `set` meets `after` alone, any other port `before` alone.
 */
export function trialRules(
  before: readonly DesiredService[],
  after: readonly DesiredService[],
  set: string,
): DesiredService[] {
  return TABLES.flatMap((table) => rulesInTable(table, inTable(before, table), inTable(after, table), set));
}

function rulesInTable(
  table: TableName,
  before: readonly DesiredService[],
  after: readonly DesiredService[],
  set: string,
): DesiredService[] {
  const names = new Set([...after, ...before].map((one) => one.service));
  return [...names].map((service) => {
    const old = before.find((one) => one.service === service);
    const fresh = renamed(
      after.find((one) => one.service === service),
      old,
    );
    const isHidden = ({ rule }: Jump): boolean => rule.includes(hiddenTag(service));
    const visible = (one: DesiredService | undefined): readonly Jump[] =>
      one?.jumps.filter((jump) => !isHidden(jump)) ?? [];
    const [fromOld, fromFresh] = [old, fresh].map((one) => one?.jumps.filter(isHidden) ?? []);
    return {
      service,
      chains: new Map([...(old?.chains ?? []), ...(fresh?.chains ?? [])]),
      jumps: [
        ...visible(fresh).map(({ chain, rule }) => ({
          chain,
          rule: withMatch(rule, `-m set --match-set ${set} dst`),
        })),
        ...visible(old).map(({ chain, rule }) => ({
          chain,
          rule: withMatch(rule, `-m set ! --match-set ${set} dst`),
        })),
        // Whether their port is on trial cannot be seen of packets that hide it: they meet one version throughout.
        ...(fromOld?.length ? fromOld : (fromFresh ?? [])),
      ],
      ...(table === 'filter' ? {} : { table }),
    };
  });
}

/** A version under the names of a trial: its chains, and the trusted sets, which the file on trial fills. */
function renamed(
  service: DesiredService | undefined,
  old: DesiredService | undefined,
): DesiredService | undefined {
  if (service === undefined) return undefined;
  const { service: name, chains, jumps } = service;
  const chainNames = trialChains(name, [...chains.keys()], [...(old?.chains.keys() ?? [])]);
  const sets = new Map(
    FAMILIES.map((family) => [
      setName(name, 'trusted', family),
      setName(trialLabel(name), 'trusted', family),
    ]),
  );
  const rename = (rule: string): string => renameIn(rule, chainNames, sets);
  return {
    service: name,
    chains: new Map([...chains].map(([chain, rules]) => [chainNames.get(chain) ?? chain, rules.map(rename)])),
    jumps: jumps.map(({ chain, rule }) => ({ chain, rule: rename(rule) })),
  };
}

const TARGET = ['-j', '--jump', '-g', '--goto'];

/** Renames the target and the sets of a rule: the words behind `-j` and `--match-set`, and no others. */
function renameIn(
  rule: string,
  chains: ReadonlyMap<string, string>,
  sets: ReadonlyMap<string, string>,
): string {
  return mapWords(rule, (word, before) =>
    TARGET.includes(before) ? chains.get(word) : before === '--match-set' ? sets.get(word) : undefined,
  );
}

/** The rule with a further match, in front of its target. */
function withMatch(rule: string, match: string): string {
  const at = wordPlaces(rule).find(({ word, before }) => TARGET.includes(word) && before !== '--comment');
  return at === undefined ? `${rule} ${match}` : `${rule.slice(0, at.start)}${match} ${rule.slice(at.start)}`;
}

function mapWords(rule: string, map: (word: string, before: string) => string | undefined): string {
  let text = '';
  let done = 0;
  for (const { word, before, start, end } of wordPlaces(rule)) {
    const other = map(word, before);
    if (other === undefined) continue;
    text += rule.slice(done, start) + other;
    done = end;
  }
  return text + rule.slice(done);
}

interface Place {
  readonly word: string;
  /** The word before it, decoded. */
  readonly before: string;
  readonly start: number;
  readonly end: number;
}

/** The words of a rule, and where they stand. A word with quotes in it is none that we rename, and only steps on. */
function wordPlaces(rule: string): Place[] {
  const places: Place[] = [];
  let before = '';
  for (const match of rule.matchAll(/(?:[^\s"]|"(?:[^"\\]|\\.)*"?)+/g)) {
    const raw = match[0];
    const word = splitWords(raw).join(' ');
    // The value of a comment may look like an option: what follows it does not belong to it.
    const isValue = before === '--comment' || before === '--log-prefix';
    places.push({ word, before, start: match.index, end: match.index + raw.length });
    before = isValue ? '' : word;
  }
  return places;
}
