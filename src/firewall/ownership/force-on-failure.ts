import { FAMILIES } from '../../base/address.js';
import { errorText, KnockError } from '../../base/errors.js';
import { execOk, type Exec } from '../../system/exec.js';
import { requireTool } from '../../system/tools.js';
import { chooseBackend } from '../rules/backend.js';
import { readInventory } from './inventory.js';
import { aliveSet } from '../model/names.js';
import { takeSnapshot } from '../rules/snapshot.js';
import { Tables } from '../rules/tables.js';

/**
 * Has the kernel apply on_failure at once, for services that stand in it by the inventory in that file, and saves
 * the rules as they are; gives their paths. For when no supervisor can be started: needs no configuration. What
 * is in force beside that is left alone. Throws where a switch cannot be emptied.
 */
export async function forceOnFailure(
  exec: Exec,
  inventory: string,
  snapshots: string,
  now: Date,
): Promise<string[]> {
  const ipset = requireTool('ipset');
  for (const service of readInventory(inventory)?.services ?? [])
    await execOk(exec, [ipset, '-q', 'flush', aliveSet(service)]);
  try {
    const tables = new Tables(exec, await chooseBackend(exec, 'auto'));
    return await takeSnapshot(tables, FAMILIES, snapshots, now);
  } catch (cause) {
    const text = `on_failure is in force, but the rules found could not be saved: ${errorText(cause)}`;
    throw new KnockError(text, { cause });
  }
}
