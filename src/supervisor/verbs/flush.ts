import { parseNetwork, type Network } from '../../base/address.js';
import { EXIT } from '../../base/errors.js';
import { LISTS, type ListName } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { trustedNames, type Origin, type VerbContext } from './context.js';
import { done, refused, subject } from './replies.js';

/** The lists that an address is flushed from: who is trusted stays trusted (interface.md). */
const ADDRESS_LISTS = ['filter', 'banned'] as const;
const NOR_A_LIST = ', nor one of filter, banned, trusted, all';
const FEW = 32;

/** Takes addresses out of filter and banned, or empties whole lists, in every service. */
export async function flush(
  context: VerbContext,
  request: RequestOf<'flush'>,
  origin: Origin,
): Promise<Reply> {
  const lists = new Set<ListName>();
  const networks: Network[] = [];
  const faults: string[] = [];
  for (const target of request.targets) {
    const named = listsNamed(target);
    const parsed = named === undefined ? parseNetwork(target) : undefined;
    if (named !== undefined) for (const list of named) lists.add(list);
    else if (parsed?.ok === true) networks.push(parsed.value);
    else faults.push(`${parsed?.reason ?? target}${isWord(target) ? NOR_A_LIST : ''}`);
  }
  if (faults.length > 0) return refused(faults, 'nothing was changed');
  for (const list of lists) await emptyList(context, list, origin);
  const results = [...lists].map((list) => `${list} is empty`);
  const failures: string[] = [];
  for (const outcome of await flushNetworks(context, networks)) {
    const { text } = outcome.network;
    const problem = problemOf(outcome, origin);
    if (problem !== undefined) failures.push(problem);
    if (outcome.flushed.length > 0) results.push(`${text} flushed from ${outcome.flushed.join(' and ')}`);
    else if (problem === undefined) results.push(`${text} is out of ${ADDRESS_LISTS.join(' and ')}`);
  }
  if (networks.length > failures.length) {
    const texts = networks.map((network) => network.text);
    const one = texts.length === 1 ? results.at(-1) : undefined;
    context.record('flush', one ?? `${subject(texts)} flushed`, {
      by: origin.label,
      count: texts.length,
    });
  }
  if (failures.length > 0) {
    const reply = refused(failures);
    return { ...reply, remarks: [...done(results).remarks, ...reply.remarks], exitCode: EXIT.refused };
  }
  const notes = lists.has('trusted')
    ? ['the entries of the trusted file come back at the next reload or start']
    : [];
  return done(results, notes, {
    verb: 'flush',
    lists: [...lists],
    addresses: networks.map((network) => network.text),
  });
}

/** No attempt at an address: then it may have been meant for a list. */
function isWord(target: string): boolean {
  return !/[.:/]/.test(target);
}

function listsNamed(target: string): readonly ListName[] | undefined {
  if (target === 'all') return LISTS;
  const list = LISTS.find((name) => name === target);
  return list === undefined ? undefined : [list];
}

async function emptyList(context: VerbContext, list: ListName, origin: Origin): Promise<void> {
  for (const service of context.services) {
    const names = list === 'trusted' ? trustedNames(context, service.name) : [service.name];
    for (const name of names) await context.sets.empty(name, list);
  }
  if (list === 'trusted') context.forgetTrusted(undefined);
  context.record('flush', `${list} emptied`, { by: origin.label });
}

interface Outcome {
  readonly network: Network;
  /** The lists that it was in, and is not in any more. */
  readonly flushed: readonly ListName[];
  /** The lists in which a wider network still covers it. */
  readonly covered: readonly ListName[];
}

/** Takes networks out of the lists. A few are looked up one by one; many are held against the whole lists. */
async function flushNetworks(context: VerbContext, networks: readonly Network[]): Promise<Outcome[]> {
  const flushed = new Map<string, Set<ListName>>();
  const covered = new Map<string, Set<ListName>>();
  for (const { name } of context.services) {
    for (const list of ADDRESS_LISTS) {
      const inList = networks.length > FEW ? await membersOf(context, name, list) : undefined;
      const present: Network[] = [];
      for (const network of networks) {
        const isIn =
          inList === undefined ? await context.sets.covers(name, list, network) : inList.has(network.text);
        if (isIn) present.push(network);
      }
      await context.sets.remove(name, list, present);
      for (const network of present) {
        const still = inList === undefined && (await context.sets.covers(name, list, network));
        note(still ? covered : flushed, network, list);
      }
    }
  }
  return networks.map((network) => ({
    network,
    flushed: [...(flushed.get(network.text) ?? [])],
    covered: [...(covered.get(network.text) ?? [])],
  }));
}

function note(lists: Map<string, Set<ListName>>, network: Network, list: ListName): void {
  lists.set(network.text, (lists.get(network.text) ?? new Set()).add(list));
}

async function membersOf(context: VerbContext, service: string, list: ListName): Promise<Set<string>> {
  return new Set((await context.sets.entries(service, list)).map((entry) => entry.network.text));
}

/** Why an address is not flushed; undefined where it is. A door in the kernel has done it before its verb comes to us. */
function problemOf({ network, flushed, covered }: Outcome, origin: Origin): string | undefined {
  const [list] = covered;
  if (list !== undefined) {
    return `${network.text} is still covered by a network in ${list}: see knockctl list ${list}, and flush that network`;
  }
  if (flushed.length > 0 || origin.kind === 'door') return undefined;
  return `${network.text} is in neither filter nor banned`;
}
