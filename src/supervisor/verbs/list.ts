import { EXIT } from '../../base/errors.js';
import { LISTS } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import type { ListedEntry } from '../../wire/reports.js';
import { listName, type VerbContext } from './context.js';

/** What is in the lists of all services, straight from the kernel. */
export async function list(context: VerbContext, request: RequestOf<'list'>): Promise<Reply> {
  const listed: ListedEntry[] = [];
  for (const service of context.services) {
    for (const name of LISTS) {
      if (request.list !== undefined && request.list !== name) continue;
      const from = listName(context, service.name, name);
      for (const { network, timeoutS, origin } of await context.sets.entries(from, name)) {
        const timeout = timeoutS === 0 ? null : timeoutS;
        listed.push({ service: service.name, list: name, address: network.text, timeout, by: origin });
      }
    }
  }
  return { exitCode: EXIT.ok, remarks: [], data: listed };
}
