import { COMMANDS, isCommand, type ListCommand } from '../../base/commands.js';
import type { Reply, Request, RequestOf } from '../../wire/control.js';
import { accept, drop } from './accept-drop.js';
import type { Origin, VerbContext } from './context.js';
import { flush } from './flush.js';
import { list } from './list.js';
import { trust, untrust } from './trust.js';

type Acts = {
  readonly [C in ListCommand]: (
    context: VerbContext,
    request: RequestOf<C>,
    origin: Origin,
  ) => Promise<Reply>;
};

const ACTS: Acts = { accept, drop, trust, untrust, flush, list };

/** True for the requests that dispatch takes. */
export function isListRequest(request: Request): request is RequestOf<ListCommand> {
  return isCommand(request.verb) && COMMANDS[request.verb].onLists;
}

/** Carries a command on the lists out. A refusal is a reply; what the kernel refuses is thrown as KnockError. */
export async function dispatch(
  context: VerbContext,
  request: RequestOf<ListCommand>,
  origin: Origin,
): Promise<Reply> {
  const { verb } = request;
  if (origin.kind === 'door' && !COMMANDS[verb].byDoors) throw new Error(`a door may not ask for ${verb}`);
  // The type of the table pairs each command with its requests; the compiler cannot follow that through a lookup.
  const act = ACTS[verb] as (...all: Parameters<typeof dispatch>) => Promise<Reply>;
  return act(context, request, origin);
}
