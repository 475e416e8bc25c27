/** Rules that keep knocks from the doors of the kernel. Pure. */
import type { Family } from '../../base/address.js';
import { findTable } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import type { Door } from '../../knock/door.js';
import { doorsLabel } from '../model/door-names.js';
import { jumpTag } from '../model/names.js';
import type { TableName } from '../model/table-name.js';
import { commandFor, named, type Context, type Exposure } from './assess.js';
import { isEverybody, pathKey, waysToDoors } from './judge.js';
import { union, type Ranges } from './ranges.js';
import { byChain, type Place } from './walk.js';

const CHAIN = 'INPUT';

/** Who decides about knock ports before the doors of the kernel see a packet; the listener hears them all the same. */
export function keptFromDoors(
  ruleset: Ruleset,
  doors: readonly Door[],
  context: Context,
  name: TableName = 'filter',
): Exposure[] {
  const { family, instances } = context;
  const labels = instances.map(doorsLabel);
  const isDoors = (rule: Rule): boolean =>
    rule.text.includes('knockctl:') &&
    labels.includes(rule.target?.name ?? '') &&
    labels.some((label) => rule.comments.includes(jumpTag(label)));
  const table = findTable(ruleset, name);
  const rules = table === undefined ? [] : (byChain(table).get(CHAIN) ?? []);
  // What is not in yet is missing, and told as such; what stands first has nothing before it.
  const at = rules.findIndex(isDoors);
  if (at <= 0) return [];
  const kept = new Map<string, { path: readonly Place[]; doors: Set<string>; ports: Set<number> }>();
  for (const { name: door, sequence } of doors) {
    for (const step of sequence) {
      for (const path of decidingBefore({ ...step, family }, ruleset, isDoors, name)) {
        const one = kept.get(pathKey(path)) ?? { path, doors: new Set(), ports: new Set() };
        kept.set(pathKey(path), one);
        one.doors.add(door);
        one.ports.add(step.port);
      }
    }
  }
  return [...kept.values()].map((one) => told(one, context, name));
}

function decidingBefore(
  step: { readonly family: Family; readonly protocol: 'tcp' | 'udp'; readonly port: number },
  ruleset: Ruleset,
  isDoors: (rule: Rule) => boolean,
  name: TableName,
): (readonly Place[])[] {
  const byPath = new Map<string, { path: readonly Place[]; sources: Ranges }>();
  for (const { end, path, box } of waysToDoors(step, CHAIN, ruleset, isDoors, name)) {
    if (end === 'ours' || end === 'unknown' || box.certainty !== 'sure' || path.length === 0) continue;
    const one = byPath.get(pathKey(path)) ?? { path, sources: [] };
    byPath.set(pathKey(path), { path, sources: union(one.sources, box.sources) });
  }
  return [...byPath.values()]
    .filter(({ sources }) => isEverybody(sources, step.family))
    .map(({ path }) => path);
}

function told(
  { path, doors, ports }: { path: readonly Place[]; doors: ReadonlySet<string>; ports: ReadonlySet<number> },
  context: Context,
  table: TableName,
): Exposure {
  const last = path.at(-1);
  const names = [...doors];
  const which = `${names.length === 1 ? 'door' : 'doors'} ${names.join(', ')}`;
  return {
    kind: 'knock',
    service: null,
    family: context.family,
    ports: [...ports],
    table,
    chain: last?.chain ?? null,
    number: last?.number ?? null,
    rule: last?.rule.text ?? null,
    sources: 'everybody',
    text:
      `IPv${context.family}: ${table === 'filter' ? '' : `in table ${table}, `}${named(path, { chain: CHAIN })} keeps packets to ${[...ports].join(', ')} from the kernel's part of ` +
      `${which}: such knocks are heard by the listener alone`,
    fix: commandFor(path, context, table),
  };
}
