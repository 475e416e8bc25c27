import type { RunPaths } from '../config/paths.js';
import { ask } from '../ctl/supervisor-client.js';
import type { SupervisorStatus } from '../doctor/facts/facts.js';
import { isSupervised } from '../firewall/ownership/inventory.js';
import { isLocked } from '../system/lock.js';
import { isStatusReport } from '../wire/reports.js';

/** A supervisor that does not answer a question for so long is taken for hung. */
const ANSWER_MS = 5_000;

/** How it is with the supervisor of these folders: the lock tells whether there is one, and only its word how it is. */
export async function askLife({ lock, socket, inventory }: RunPaths): Promise<SupervisorStatus> {
  if (!isLocked(lock)) return { kind: isSupervised(inventory) ? 'dead' : 'stopped' };
  try {
    const answer = await ask(socket, { verb: 'status' }, { timeoutMs: ANSWER_MS });
    if (answer.kind !== 'reply' || !isStatusReport(answer.reply.data)) return { kind: 'silent' };
    const { state, meaning } = answer.reply.data;
    return { kind: 'running', state, meaning };
  } catch {
    return { kind: 'silent' }; // a word that is none
  }
}
