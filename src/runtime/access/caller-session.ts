import { parseAddress, type Network } from '../../base/address.js';
import type { SetList } from '../../base/lists.js';
import type { ServiceSettings } from '../../config/settings.js';
import { isForOthers } from '../../firewall/model/service.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import { listName, type VerbContext } from './context.js';

/** The SSH session that a command came from. */
export interface Session {
  readonly session?: string | undefined;
  /** The port that it is at; undefined where it is not known. */
  readonly port?: number | undefined;
}

/**
 * Says it where the caller's own session could not be opened again under the rules in force, which an
 * open session does not feel. For a trial of `trialS` seconds it is let in, where it is not banned.
 */
export async function admitCallerSession(
  context: VerbContext,
  { session, port }: Session,
  trialS?: number,
): Promise<string[]> {
  const own = session === undefined ? undefined : parseAddress(session);
  if (own?.ok !== true || !context.families.includes(own.value.family)) return [];
  const notes: string[] = [];
  for (const service of context.services) {
    if (!concerns(service, port)) continue;
    const standing = await standingOf(context, service.name, own.value);
    if (standing === 'in') continue;
    const what = `your own SSH session comes from ${own.value.text}, which could not connect to ${service.name} any more`;
    if (standing === 'banned') {
      notes.push(`${what}, for it is banned: knockctl flush ${own.value.text}`);
    } else if (trialS === undefined) {
      notes.push(
        `${what}: knockctl trust ${own.value.text} lets it in, and --trial S undoes a change that locks out`,
      );
    } else {
      await letIn(context.sets, service.name, own.value, trialS);
      notes.push(
        `${what}: let in for the ${trialS} s of the trial; before you confirm, knockctl trust ${own.value.text}`,
      );
    }
  }
  for (const note of notes) context.record('session', note);
  return notes;
}

function concerns(service: ServiceSettings, port: number | undefined): boolean {
  const { protocol, ports } = service;
  return protocol === 'tcp' && !isForOthers(service) && (port === undefined || ports.includes(port));
}

/** What the rules of a service make of an address: in the order in which they ask. */
async function standingOf(
  context: VerbContext,
  service: string,
  address: Network,
): Promise<'banned' | 'in' | 'out'> {
  const isIn = async (list: SetList): Promise<boolean> =>
    context.sets.covers(listName(context, service, list), list, address);
  if (await isIn('banned')) return 'banned';
  if ((await isIn('trusted')) || (await isIn('granted')) || (await isIn('filter'))) return 'in';
  return (await isIn('decoyed')) ? 'banned' : 'out';
}

async function letIn(sets: SetStore, service: string, network: Network, timeoutS: number): Promise<void> {
  await sets.add(service, 'filter', [{ network, timeoutS, origin: 'trial' }]);
}
