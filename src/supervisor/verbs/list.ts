import { EXIT } from '../../base/errors.js';
import { LISTS, type ListName } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import type { VerbContext } from './context.js';

/** One line of `knockctl list`. */
export interface ListedEntry {
  readonly service: string;
  readonly list: ListName;
  readonly address: string;
  /** Seconds left; null: for ever. */
  readonly timeout: number | null;
  /** Who put it there: `cli`, `door NAME`, `file`, `file HOST`; empty where the kernel does not know. */
  readonly by: string;
}

/** What is in the lists of all services, straight from the kernel. */
export async function list(context: VerbContext, request: RequestOf<'list'>): Promise<Reply> {
  const listed: ListedEntry[] = [];
  for (const service of context.services) {
    for (const name of LISTS) {
      if (request.list !== undefined && request.list !== name) continue;
      for (const { network, timeoutS, origin } of await context.sets.entries(service.name, name)) {
        const timeout = timeoutS === 0 ? null : timeoutS;
        listed.push({ service: service.name, list: name, address: network.text, timeout, by: origin });
      }
    }
  }
  return { exitCode: EXIT.ok, remarks: [], data: listed };
}
