import type { Reply, Request, RequestOf } from '../../wire/control.js';
import { accept, drop } from './accept-drop.js';
import type { Origin, VerbContext } from './context.js';
import { flush } from './flush.js';
import { list } from './list.js';
import { trust, untrust } from './trust.js';

/** The verbs that act on the kernel's lists, whoever carries them out. */
export type ListVerb = 'accept' | 'drop' | 'trust' | 'untrust' | 'flush' | 'list';

interface Verb<V extends ListVerb> {
  /** Who may ask for it. */
  readonly origins: readonly Origin['kind'][];
  readonly act: (context: VerbContext, request: RequestOf<V>, origin: Origin) => Promise<Reply>;
}

const BOTH = ['admin', 'door'] as const;

/** The one table of verbs: who may ask, and what is done. */
const VERBS: { readonly [V in ListVerb]: Verb<V> } = {
  accept: { origins: BOTH, act: accept },
  drop: { origins: BOTH, act: drop },
  trust: { origins: BOTH, act: trust },
  untrust: { origins: BOTH, act: untrust },
  flush: { origins: BOTH, act: flush },
  list: { origins: ['admin'], act: list },
};

/** True for the requests that carryOut takes. */
export function isListRequest(request: Request): request is RequestOf<ListVerb> {
  return Object.hasOwn(VERBS, request.verb);
}

/** Carries a verb out. A refusal is a reply; what the kernel refuses is thrown as KnockError. */
export async function dispatch(
  context: VerbContext,
  request: RequestOf<ListVerb>,
  origin: Origin,
): Promise<Reply> {
  if (!VERBS[request.verb].origins.includes(origin.kind)) {
    throw new Error(`a ${origin.kind} may not ask for ${request.verb}`);
  }
  switch (request.verb) {
    case 'accept':
      return VERBS.accept.act(context, request, origin);
    case 'drop':
      return VERBS.drop.act(context, request, origin);
    case 'trust':
      return VERBS.trust.act(context, request, origin);
    case 'untrust':
      return VERBS.untrust.act(context, request, origin);
    case 'flush':
      return VERBS.flush.act(context, request, origin);
    case 'list':
      return VERBS.list.act(context, request, origin);
  }
}
