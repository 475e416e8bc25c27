import { findTable } from '../../iptables-parser/query.js';
import type { Door } from '../../knock/door.js';
import type { Exec } from '../../system/exec.js';
import type { Family } from '../../base/address.js';
import { chooseBackend } from '../rules/backend.js';
import type { BackendName } from '../model/backend-name.js';
import { doorsInstance } from '../model/door-names.js';
import { taggedRules } from '../rules/plan.js';
import type { Service } from '../model/service.js';
import { Tables } from '../rules/tables.js';
import { readAllTables, type Found } from './all-tables.js';
import type { Exposure } from './assess.js';
import { ExposureCache } from './assessed.js';

/** The rules that a configuration wants. */
interface Wanted {
  readonly services: readonly Service[];
  readonly families: readonly Family[];
  readonly hook: 'first' | 'last';
  /** The doors that the kernel opens in a family. */
  readonly doors: (family: Family) => readonly Door[];
}

/**
 * Returns what decides before knockctl by the rules of this host, for services whose jump is in force: without a jump,
 * every rule would count.
 */
export function exposuresOf(found: Found, backend: BackendName, wanted: Wanted): Exposure[] {
  const assessed = new ExposureCache();
  const met = new Set<string>();
  for (const { backend: name, family, ruleset } of found.tables) {
    const table = findTable(ruleset, 'filter');
    if (name !== backend || table === undefined || !wanted.families.includes(family)) continue;
    assessed.setFilter(family, ruleset, undefined);
    assessed.setGates(family, ruleset, undefined);
    for (const service of wanted.services)
      if (taggedRules(table, service.name).length > 0) met.add(`${service.name} ${family}`);
  }
  assessed.setOtherTables(found);
  const instances = wanted.services.map(({ name }) => doorsInstance(name));
  const all = assessed.exposures({ ...wanted, backend, instances });
  return all.filter(
    ({ service, family }) =>
      service === null || !wanted.families.includes(family) || met.has(`${service} ${family}`),
  );
}

/** Reads the rules in force, and returns the same for them. Throws KnockError if no back end is available. */
export async function survey(
  exec: Exec,
  configured: BackendName | 'auto',
  wanted: Wanted,
): Promise<Exposure[]> {
  if (wanted.services.length === 0) return [];
  const backend = await chooseBackend(exec, configured);
  return exposuresOf(await readAllTables(new Tables(exec, backend)), backend.name, wanted);
}
