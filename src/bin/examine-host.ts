import { KnockError } from '../base/errors.js';
import { locatePaths } from '../config/locate.js';
import { examine } from '../doctor/examine.js';
import type { SupervisorStatus } from '../doctor/facts/facts.js';
import { gather } from '../doctor/facts/gather.js';
import { unconfirmedTrialOf } from '../runtime/generation/select-config.js';
import { recognised } from '../runtime/doors/kernel-recognition.js';
import { readIfExists } from '../system/files.js';
import type { SshSession } from '../system/session.js';
import type { Finding } from '../wire/reports.js';
import { askLife } from './ask-life.js';
import { probe } from './ask-probe.js';
import { load } from './load.js';

/** What `knockctl doctor` finds out about this host, the worst first. */
export async function examineHost(
  file: string | undefined,
  session: SshSession | undefined,
): Promise<Finding[]> {
  const facts = await gather({
    file,
    config: () => load({ file }, 'lenient'),
    recognised,
    tried: (config) => {
      const noted = unconfirmedTrialOf(config);
      return noted && { at: noted.at, hasBefore: noted.before !== null };
    },
    life: async () => life(file),
    probe,
    session,
  });
  return examine(facts);
}

async function life(file: string | undefined): Promise<SupervisorStatus> {
  try {
    return await askLife(locatePaths(file, readIfExists));
  } catch (error) {
    // No such configuration, or no flock: told as such.
    if (error instanceof KnockError) return { kind: 'unknown' };
    throw error;
  }
}
