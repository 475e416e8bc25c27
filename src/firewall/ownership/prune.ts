import type { Family } from '../../base/address.js';
import { findTable } from '../../iptables-parser/query.js';
import { allDoors } from '../doors/kernel-doors.js';
import { gatesIn } from '../rules/gate.js';
import { chainsOf, isOurs, knownChains, standardGate, standardService } from '../rules/known-chains.js';
import { planRemove, type Removal } from '../rules/plan.js';
import { inTable, type TableName } from '../model/table-name.js';
import type { Tables } from '../rules/tables.js';
import type { DesiredService } from '../rules/template.js';
import { Unreadable } from '../rules/unread.js';

/** What is to go out of the tables of a family. */
interface PruneWanted {
  readonly rules: readonly DesiredService[];
  /** Services of which only the names are known. */
  readonly services: readonly string[];
  /** All doors of these, and of those services. */
  readonly instances: readonly string[];
  /** Tables that go too, where nothing is left in them. */
  readonly made: readonly TableName[];
}

/**
 * Takes rules of ours out of both tables, in one go: that which opens stands until that which shuts is out. Gives what
 * had to be left, and why. Throws Unreadable where a table cannot be read, once what is in the other one is out.
 */
export async function prune(tables: Tables, family: Family, going: PruneWanted): Promise<readonly string[]> {
  tables.tryAgain(family);
  const removals: Removal[] = [];
  let unreadable: Unreadable | undefined;
  for (const from of [fromMangle, fromFilter]) {
    try {
      removals.push(await from(tables, family, going));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      unreadable = error; // a table that nothing tells must not keep the other one in force
    }
  }
  const text = removals.map((removal) => removal.text).join('');
  if (text !== '') await tables.apply(family, text);
  if (unreadable !== undefined) throw unreadable;
  for (const table of going.made) await tables.dropIfEmpty(family, table);
  return removals.flatMap(({ left }) => left);
}

async function fromFilter(
  tables: Tables,
  family: Family,
  { rules, services, instances }: PruneWanted,
): Promise<Removal> {
  const known = [...inTable(rules, 'filter'), ...services.map(standardService)];
  const chains = new Set(chainsOf(known));
  const actual = await tables.read(family, isOurs(namesOf({ rules, services }), instances), { chains });
  const doors = allDoors(findTable(actual, 'filter'), instances, services);
  return planRemove([...known, ...doors], actual);
}

/** What is there alone says what goes: no configuration of now need know of a gate that is left. */
async function fromMangle(
  tables: Tables,
  family: Family,
  { rules, services, instances }: PruneWanted,
): Promise<Removal> {
  const nothing = { text: '', changes: [], left: [] };
  if (!(await tables.exists(family, 'mangle'))) return nothing;
  const names = namesOf({ rules, services });
  const chains = new Set(chainsOf([...inTable(rules, 'mangle'), ...names.map(standardGate)]));
  const actual = await tables.read(family, isOurs(names, instances), { chains, table: 'mangle' });
  const table = findTable(actual, 'mangle');
  // Chains of a trial may have other names; those of filter are not here.
  const known = knownChains(
    '',
    rules.flatMap(({ chains }) => [...chains.keys()]),
  );
  const doors = allDoors(table, instances, services);
  const all = [known, ...gatesIn(table, names), ...doors].map((one) => ({
    ...one,
    table: 'mangle' as const,
  }));
  return planRemove(onceEach(all), actual, 'mangle');
}

function namesOf({ rules, services }: Pick<PruneWanted, 'rules' | 'services'>): string[] {
  const named = rules.map(({ service }) => service).filter((name) => name !== '');
  return [...new Set([...named, ...services])];
}

/** Each chain once: to take one out twice is a fault. */
function onceEach(all: readonly DesiredService[]): DesiredService[] {
  const seen = new Set<string>();
  return all.map((one) => {
    const fresh = [...one.chains].filter(([chain]) => !seen.has(chain));
    for (const [chain] of fresh) seen.add(chain);
    return { ...one, chains: new Map(fresh) };
  });
}
