import type { Family } from '../base/address.js';
import { allDoors } from './doors/kernel-doors.js';
import { chainsOf, isOurs, standardService } from './leftovers.js';
import { planRemove } from './plan.js';
import type { Tables } from './tables.js';
import type { DesiredService } from './template.js';

/** What is to go out of a table. */
export interface Going {
  readonly rules: readonly DesiredService[];
  /** Services of which only the names are known. */
  readonly services: readonly string[];
  /** All doors of these, and of those services. */
  readonly instances: readonly string[];
  /** The table goes too, where nothing is left in it. */
  readonly made: boolean;
}

/** Takes rules of ours out of a table, in one transaction. Gives what had to be left, and why. */
export async function takeOut(
  tables: Tables,
  family: Family,
  { rules, services, instances, made }: Going,
): Promise<readonly string[]> {
  const names = [...rules.map(({ service }) => service).filter((name) => name !== ''), ...services];
  tables.tryAgain(family);
  const known = [...rules, ...services.map(standardService)];
  const actual = await tables.read(family, isOurs(names, instances), undefined, new Set(chainsOf(known)));
  const doors = allDoors(actual, instances, services);
  const removal = planRemove([...known, ...doors], actual);
  if (removal.text !== '') await tables.apply(family, removal.text);
  if (made) await tables.dropIfEmpty(family);
  return removal.left;
}
