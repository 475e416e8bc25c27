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
 * Trips the watchdog of every service in the inventory in that file, so that the kernel applies on_failure at
 * once, and saves the current rules; returns the paths. For use when no supervisor can be started: needs no
 * configuration, and changes nothing else. Throws if a watchdog set cannot be emptied.
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
