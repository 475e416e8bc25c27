import { EXIT } from '../../base/errors.js';
import { LISTS, PARTS, type ListName } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import type { ListedEntry } from '../../wire/reports.js';
import { listName, type VerbContext } from './context.js';

/** What is in the lists of all services, straight from the kernel. */
export async function list(context: VerbContext, request: RequestOf<'list'>): Promise<Reply> {
  const listed: ListedEntry[] = [];
  for (const service of context.services) {
    for (const name of LISTS) {
      if (request.list !== undefined && request.list !== name) continue;
      for (const entry of await entriesOf(context, service.name, name)) listed.push(entry);
    }
  }
  return { exitCode: EXIT.ok, remarks: [], data: listed };
}

/** The entries of all sets of a list. Who was granted more by hand than a knock gives is in by that: one entry. */
async function entriesOf(context: VerbContext, service: string, list: ListName): Promise<ListedEntry[]> {
  const found: ListedEntry[] = [];
  const granted = new Set<string>();
  for (const part of PARTS[list]) {
    const from = listName(context, service, part);
    for (const { network, timeoutS, origin } of await context.sets.entries(from, part)) {
      if (part === 'granted') granted.add(network.text);
      else if (part === 'filter' && granted.has(network.text)) continue;
      const timeout = timeoutS === 0 ? null : timeoutS;
      const entry = { service, list, address: network.text, timeout, by: origin };
      found.push(part === 'decoyed' ? { ...entry, decoyed: true } : entry);
    }
  }
  return found;
}
