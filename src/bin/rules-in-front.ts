import { KnockError } from '../base/errors.js';
import type { Config } from '../config/settings.js';
import type { Exposure } from '../firewall/exposure/assess.js';
import { survey } from '../firewall/exposure/survey.js';
import type { Door } from '../knock/door.js';
import { recognised } from '../runtime/doors/kernel-recognition.js';
import { systemExec } from '../system/exec.js';

/** What decides about the services of a configuration before our rules in force do; nothing where it cannot be asked. */
export async function rulesInFront(config: Config): Promise<readonly Exposure[]> {
  if (process.getuid?.() !== 0) return []; // only root may read the rules
  const { services, firewall } = config.settings;
  const places = recognised(config);
  const doors = (family: 4 | 6): Door[] =>
    config.doors.map(({ door }) => door).filter((_, index) => places[index]?.kernel.includes(family));
  try {
    return await survey(systemExec, firewall.backend, { ...firewall, services, doors });
  } catch (error) {
    if (error instanceof KnockError) return []; // no iptables: doctor tells
    throw error;
  }
}
