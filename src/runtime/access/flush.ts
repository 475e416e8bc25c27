import { mappedNetwork, parseNetwork, type Network } from '../../base/address.js';
import { EXIT } from '../../base/errors.js';
import { impossibleHere } from '../../base/impossible.js';
import { listsNamed, PARTS, type ListName, type SetList } from '../../base/lists.js';
import type { Reply, RequestOf } from '../../wire/control.js';
import { trustedNames, type Origin, type VerbContext } from './context.js';
import { done, refused, subject } from './replies.js';
import { impossibleTarget } from './targets.js';

/** The lists that an address is flushed from: who is trusted stays trusted (docs/interface.md). */
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
  const { lists, typed, mapped, faults } = read(request.targets);
  if (faults.length > 0) return refused(faults, 'nothing was changed');
  const removed = new Map<ListName, number>();
  for (const list of lists) removed.set(list, await emptyList(context, list, origin));
  const results = [...removed].map(([list, count]) => `${list} is empty: ${entries(count)}`);
  const failures: string[] = [];
  const own = context.ownSources?.() ?? [];
  const allowed = origin.kind === 'admin' ? ADDRESS_LISTS : (['filter'] as const);
  const listed = allowed.filter((list) => request.list === undefined || request.list === list);
  const found = await flushNetworks(context, [...typed, ...mapped.values()], { origin, listed });
  const outcomes = countable(found, mapped);
  const networks = outcomes.map(({ network }) => network);
  for (const outcome of outcomes) {
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

interface Targets {
  readonly lists: ReadonlySet<ListName>;
  readonly typed: readonly Network[];
  /** Of those that were typed as IPv4-mapped addresses, what an IPv6 set of the kernel may have besides. */
  readonly mapped: ReadonlyMap<Network, Network>;
  readonly faults: readonly string[];
}

function read(targets: readonly string[]): Targets {
  const lists = new Set<ListName>();
  const typed: Network[] = [];
  const mapped = new Map<Network, Network>();
  const faults: string[] = [];
  for (const target of targets) {
    const named = listsNamed(target);
    if (named !== undefined) {
      for (const list of named) lists.add(list);
      continue;
    }
    const parsed = parseNetwork(target);
    const inKernel = mappedNetwork(target);
    if (!parsed.ok) faults.push(`${parsed.reason}${isWord(target) ? NOR_A_LIST : ''}`);
    else typed.push(parsed.value);
    if (parsed.ok && inKernel !== undefined) mapped.set(parsed.value, inKernel);
  }
  return { lists, typed, mapped, faults };
}

/** An IPv4-mapped address is the one that was found: as IPv4 address, as the kernel's IPv6 entry, or as both. */
function countable(outcomes: readonly Outcome[], mapped: ReadonlyMap<Network, Network>): Outcome[] {
  const by = new Map(outcomes.map((outcome) => [outcome.network, outcome]));
  const without = new Set<Network>();
  for (const [typed, inKernel] of mapped) {
    const [one, other] = [by.get(typed), by.get(inKernel)];
    if (!isFound(other) || (isFound(one) && other?.flushed.length === 0)) without.add(inKernel);
    else if (!isFound(one)) without.add(typed);
  }
  return outcomes.filter(({ network }) => !without.has(network));
}

function isFound(outcome: Outcome | undefined): boolean {
  return outcome !== undefined && outcome.flushed.length + outcome.covered.length > 0;
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

/** By the text of a network, the lists that it was taken out of, and those in which a wider one still covers it. */
interface Found {
  readonly flushed: Map<string, Set<ListName>>;
  readonly covered: Map<string, Set<ListName>>;
}

/**
 * Takes networks out of the lists. A few are looked up one by one; many are held against the whole lists. So are those of a few that are
 * not found: an exception (nomatch) that somebody has put in by hand is in its list, and to ipset not in it.
 */
async function flushNetworks(
  context: VerbContext,
  networks: readonly Network[],
  { origin, listed }: Omit<From, 'byWholeLists'>,
): Promise<Outcome[]> {
  const found: Found = { flushed: new Map(), covered: new Map() };
  const isMany = networks.length > FEW;
  await removeFrom(context, networks, { origin, listed, byWholeLists: isMany }, found);
  const rest = networks.filter(({ text }) => !found.flushed.has(text) && !found.covered.has(text));
  if (!isMany && rest.length > 0 && origin.kind === 'admin')
    await removeFrom(context, rest, { origin, listed, byWholeLists: true }, found);
  return networks.map((network) => ({
    network,
    flushed: [...(found.flushed.get(network.text) ?? [])],
    covered: [...(found.covered.get(network.text) ?? [])],
  }));
}

interface From {
  readonly origin: Origin;
  readonly listed: readonly ListName[];
  /** The lists are read whole: sooner for many addresses, and it finds what `ipset test` does not. */
  readonly byWholeLists: boolean;
}

async function removeFrom(
  context: VerbContext,
  networks: readonly Network[],
  { origin, listed, byWholeLists }: From,
  { flushed, covered }: Found,
): Promise<void> {
  const parts = listed.flatMap((list) => partsFor(list, origin).map((part) => ({ list, part })));
  for (const { name } of context.services) {
    for (const { list, part } of parts) {
      const inList = byWholeLists ? await membersOf(context, name, part) : undefined;
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
