import type { Network } from '../../base/address.js';
import { isLonger, longestBan, shorter } from '../../firewall/doors/times.js';
import { isFull } from '../../firewall/sets/ipset-errors.js';
import { DECOYED_ROOM } from '../../firewall/sets/set-specs.js';
import type { ServiceSettings } from '../../config/settings.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { listName, type Origin, type VerbContext } from './context.js';
import { done, duration, refused } from './replies.js';

/**
 * The ban that a door causes. Its packet may be forged: so it hits nobody who is let in at that moment, has a list of its own with
 * little room, ends, and takes nothing from a ban that lasts longer. The same as rules of doors do (firewall/doors/chains.ts).
 */
export async function decoy(
  context: VerbContext,
  network: Network,
  request: RequestOf<'drop'>,
  origin: Origin,
): Promise<Reply> {
  if (origin.stops === true) {
    for (const { name } of context.services) await context.sets.remove(name, 'filter', [network]);
  }
  const letIn = await whereLetIn(context, network);
  if (letIn === 'trusted') return refused([`${network.text} is trusted`], 'nothing was changed');
  if (letIn !== undefined) {
    const text = `${network.text} is let in at this moment: no door bans it, for the packet may be forged`;
    context.record('drop', text, { by: origin.label });
    return done([text], [], { verb: 'drop', addresses: [] });
  }
  const full: string[] = [];
  for (const service of context.services) {
    if (!(await ban(context, service, network, request.timeoutS, origin))) full.push(service.name);
  }
  if (full.length === context.services.length)
    return done([`${network.text} is not banned: the list is full`]);
  const timeoutS = shorter(request.timeoutS ?? context.services[0]?.decoyTimeoutS ?? 0, origin.endsS);
  const text = `${network.text} banned ${duration(timeoutS)}`;
  context.record('drop', text, { by: origin.label });
  return done([text], [], { verb: 'drop', addresses: [network.text], timeout: timeoutS });
}

/** By which list an address gets in at one of the services at least. */
async function whereLetIn(
  { sets, services, ...context }: VerbContext,
  network: Network,
): Promise<'trusted' | 'granted' | 'filter' | undefined> {
  for (const list of ['trusted', 'granted', 'filter'] as const) {
    for (const { name } of services) {
      if (await sets.covers(listName({ sets, services, ...context }, name, list), list, network)) return list;
    }
  }
  return undefined;
}

/** Bans from one service. False where the list is full: then the newest is refused, which is told once. */
async function ban(
  context: VerbContext,
  service: ServiceSettings,
  network: Network,
  askedS: number | undefined,
  { label, endsS }: Origin,
): Promise<boolean> {
  const { sets, doors = [], full } = context;
  const timeoutS = shorter(askedS ?? service.decoyTimeoutS, endsS);
  const isIn = await sets.covers(service.name, 'decoyed', network);
  // It would give the entry this time instead of what it has left.
  if (isIn && isLonger(longestBan(doors, service) ?? timeoutS, timeoutS)) return true;
  try {
    const room = isIn || (await sets.count(service.name, 'decoyed', network.family)) < DECOYED_ROOM;
    if (room) {
      await sets.add(service.name, 'decoyed', [{ network, timeoutS, origin: label }]);
      full?.ends(service.name);
      return true;
    }
  } catch (error) {
    if (!isFull(error)) throw error;
  }
  if (full?.begins(service.name) === true) {
    const text = `the list of those whom doors ban at ${service.name} is full: more are not banned until some have had their time; bans by hand have a list of their own (knockctl flush banned empties both)`;
    context.record('drop', text, { service: service.name });
  }
  return false;
}
