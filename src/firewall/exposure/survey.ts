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
import { Assessed } from './assessed.js';

/** What a configuration says of the rules that it wants. */
interface Wanted {
  readonly services: readonly Service[];
  readonly families: readonly Family[];
  readonly hook: 'first' | 'last';
  /** The doors that the kernel opens in a family. */
  readonly doors: (family: Family) => readonly Door[];
}

/** What decides before us by the rules of this host, for those services whose jump is in: before that, all stands in front. */
export function surveyed(found: Found, backend: BackendName, wanted: Wanted): Exposure[] {
  const assessed = new Assessed();
  const met = new Set<string>();
  for (const { backend: name, family, ruleset } of found.tables) {
    const table = findTable(ruleset, 'filter');
    if (name !== backend || table === undefined || !wanted.families.includes(family)) continue;
    assessed.see(family, ruleset, undefined);
    assessed.seeGates(family, ruleset, undefined);
    for (const service of wanted.services)
      if (taggedRules(table, service.name).length > 0) met.add(`${service.name} ${family}`);
  }
  assessed.seeElsewhere(found);
  const instances = wanted.services.map(({ name }) => doorsInstance(name));
  const all = assessed.exposures({ ...wanted, backend, instances });
  return all.filter(
    ({ service, family }) =>
      service === null || !wanted.families.includes(family) || met.has(`${service} ${family}`),
  );
}

/** The same of the rules in force. Throws KnockError where no back end can be asked. */
export async function survey(
  exec: Exec,
  configured: BackendName | 'auto',
  wanted: Wanted,
): Promise<Exposure[]> {
  if (wanted.services.length === 0) return [];
  const backend = await chooseBackend(exec, configured);
  return surveyed(await readAllTables(new Tables(exec, backend)), backend.name, wanted);
}
