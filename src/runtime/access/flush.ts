import { parseNetwork, type Network } from '../../base/address.js';
import { EXIT } from '../../base/errors.js';
import { impossibleHere } from '../../base/impossible.js';
import { listsNamed, PARTS, type ListName, type SetList } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { trustedNames, type Origin, type VerbContext } from './context.js';
import { done, refused, subject } from './replies.js';
import { impossibleTarget } from './targets.js';

/** The lists that an address is flushed from: who is trusted stays trusted (interface.md). */
const ADDRESS_LISTS = ['filter', 'banned'] as const;
/** The sets of a list that whoever asks may touch: a door takes back what a knock gave, and nothing else. */
function partsFor(list: ListName, { kind }: Origin): readonly SetList[] {
  return kind === 'admin' ? PARTS[list] : PARTS[list].filter((part) => part === 'filter');
}
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
  const removed = new Map<ListName, number>();
  for (const list of lists) removed.set(list, await emptyList(context, list, origin));
  const results = [...removed].map(([list, count]) => `${list} is empty: ${entries(count)}`);
  const failures: string[] = [];
  const own = context.ownSources?.() ?? [];
  const allowed = origin.kind === 'admin' ? ADDRESS_LISTS : (['filter'] as const);
  const listed = allowed.filter((list) => request.list === undefined || request.list === list);
  for (const outcome of await flushNetworks(context, networks, { origin, listed })) {
    const { text } = outcome.network;
    const problem = problemOf(outcome, origin, own);
    if (problem !== undefined) failures.push(problem);
    if (outcome.flushed.length > 0) results.push(`${text} flushed from ${outcome.flushed.join(' and ')}`);
    else if (problem === undefined) results.push(`${text} is out of ${listed.join(' and ')}`);
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
    const exitCode = networks.some((network) => impossibleHere(network, own) !== undefined)
      ? EXIT.usage
      : EXIT.refused;
    return { ...reply, remarks: [...done(results).remarks, ...reply.remarks], exitCode };
  }
  const notes = lists.has('trusted')
    ? ['the entries of the trusted file come back at the next reload or start']
    : [];
  return done(results, notes, {
    verb: 'flush',
    lists: [...lists],
    removed: Object.fromEntries(removed),
    addresses: networks.map((network) => network.text),
  });
}

/** No attempt at an address: then it may have been meant for a list. */
function isWord(target: string): boolean {
  return !/[.:/]/.test(target);
}

/** Empties a list; gives how many addresses and networks were in it. */
async function emptyList(context: VerbContext, list: ListName, origin: Origin): Promise<number> {
  const members = new Set<string>();
  for (const service of context.services) {
    const names = list === 'trusted' ? trustedNames(context, service.name) : [service.name];
    for (const name of names) {
      for (const part of PARTS[list]) {
        for (const text of await membersOf(context, name, part)) members.add(text);
        await context.sets.empty(name, part);
      }
    }
  }
  if (list === 'trusted') context.forgetTrusted(undefined);
  context.record('flush', `${list} emptied: ${entries(members.size)}`, { by: origin.label });
  return members.size;
}

function entries(count: number): string {
  return count === 0 ? 'nobody was in' : count === 1 ? '1 entry removed' : `${count} entries removed`;
}

interface Outcome {
  readonly network: Network;
  /** The lists that it was in, and is not in any more. */
  readonly flushed: readonly ListName[];
  /** The lists in which a wider network still covers it. */
  readonly covered: readonly ListName[];
}

/** Takes networks out of the lists. A few are looked up one by one; many are held against the whole lists. */
async function flushNetworks(
  context: VerbContext,
  networks: readonly Network[],
  { origin, listed }: { readonly origin: Origin; readonly listed: readonly ListName[] },
): Promise<Outcome[]> {
  const flushed = new Map<string, Set<ListName>>();
  const covered = new Map<string, Set<ListName>>();
  const parts = listed.flatMap((list) => partsFor(list, origin).map((part) => ({ list, part })));
  for (const { name } of context.services) {
    for (const { list, part } of parts) {
      const inList = networks.length > FEW ? await membersOf(context, name, part) : undefined;
      const present: Network[] = [];
      for (const network of networks) {
        const isIn =
          inList === undefined ? await context.sets.covers(name, part, network) : inList.has(network.text);
        if (isIn) present.push(network);
      }
      await context.sets.remove(name, part, present);
      for (const network of present) {
        const still = inList === undefined && (await context.sets.covers(name, part, network));
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

async function membersOf(context: VerbContext, service: string, list: SetList): Promise<Set<string>> {
  return new Set((await context.sets.entries(service, list)).map((entry) => entry.network.text));
}

/** Why an address is not flushed; undefined where it is. A door in the kernel has done it before its verb comes to us. */
function problemOf(
  { network, flushed, covered }: Outcome,
  origin: Origin,
  own: readonly Network[],
): string | undefined {
  const [list] = covered;
  if (list !== undefined) {
    return `${network.text} is still covered by a network in ${list}: see knockctl list ${list}, and flush that network`;
  }
  if (flushed.length > 0 || origin.kind === 'door') return undefined;
  return impossibleTarget(network, own) ?? `${network.text} is in neither filter nor banned`;
}
