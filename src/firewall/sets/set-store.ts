import type { Family, Network } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import type { SetList } from '../../base/lists.js';
import { Sentinels } from './sentinel.js';
import { BATCH, type Ipset } from './ipset.js';
import { aliveSet, freshName, setName } from '../model/names.js';
import { WatchdogSets } from './watchdog-sets.js';
import { SetBuilder } from './set-builder.js';
import { NO_PERSISTENCE, type RestoredEntries, type PersistencePort } from './persistence-port.js';
import {
  addLines,
  delLine,
  isSameKind,
  listSets,
  parseEntries,
  parseHeaders,
  destroyLine,
  serviceSets,
  setFaults,
  trialSets,
  type Entry,
  type SetHeader,
  type SetSpec,
} from './set-specs.js';

/** The kernel's sets: the authority on which sources have access, and until when. */
export class SetStore {
  readonly #ipset: Ipset;
  readonly #persistence: PersistencePort;
  readonly #builder: SetBuilder;
  #listing: Promise<ReadonlyMap<string, SetHeader>> | undefined;
  /** The number of entries of each set at the last listing, including its sentinel. */
  #counts: ReadonlyMap<string, number> = new Map();
  /** The watchdog sets, and the timer of a trial. */
  readonly ports: WatchdogSets;
  /** The sentinels of lists that rules add to; hidden from users of this class. */
  readonly sentinels: Sentinels;

  constructor(ipset: Ipset, memory: PersistencePort = NO_PERSISTENCE) {
    this.#ipset = ipset;
    this.#persistence = memory;
    this.ports = new WatchdogSets(ipset);
    this.sentinels = new Sentinels(async (line) => ipset.line(line));
    this.#builder = new SetBuilder({ ipset, memory, sentinels: this.sentinels });
  }

  /**
   * Makes the missing sets of a service with their saved entries, and those of `more`, which start empty. Existing sets
   * keep their entries.
   */
  async ensure(service: string, more: readonly SetSpec[] = []): Promise<void> {
    const existing = await this.headers();
    const lacks = (spec: SetSpec): boolean => {
      const header = existing.get(spec.name);
      return header === undefined || !isSameKind(spec, header);
    };
    const unusable = (spec: SetSpec): string[] => {
      const header = existing.get(spec.name);
      return header === undefined ? [] : [destroyLine(spec, header)];
    };
    const empty = more.filter(lacks);
    const create = empty.flatMap((spec) => [...unusable(spec), `create ${spec.name} ${spec.create}`]);
    if (create.length > 0) await this.#ipset.batch(create);
    const missing = serviceSets(service).filter(lacks);
    if (missing.length === 0) return;
    await this.#ipset.mustBeMissing(missing.map(({ name }) => name).filter((name) => !existing.has(name)));
    await this.#builder.createRestored(missing, missing.flatMap(unusable));
  }

  /** Makes missing sets with their saved entries, for rules that are about to be loaded. Returns their names. */
  async createMissing(specs: readonly SetSpec[]): Promise<string[]> {
    const existing = await this.headers();
    const missing = specs.filter(({ name }) => !existing.has(name));
    await this.#ipset.mustBeMissing(missing.map(({ name }) => name));
    if (missing.length > 0) await this.#builder.createRestored(missing, []);
    return missing.map(({ name }) => name);
  }

  /** Replaces all entries of a set atomically. The set must exist. */
  async refill(set: string, restored: RestoredEntries): Promise<void> {
    const spec = serviceSets(set.replace(/_[a-z]+[46]$/, '')).find(({ name }) => name === set);
    if (spec === undefined) throw new Error(`${set} is no list of a service`);
    await this.#builder.refill(spec, restored);
  }

  /**
   * Replaces the entries of a service's lists by the saved ones, because another program has made the sets. Returns, by
   * set, the entries that were dropped.
   */
  async replaceBySaved(service: string): Promise<ReadonlyMap<string, readonly string[]>> {
    const existing = await this.headers();
    const out = new Map<string, readonly string[]>();
    for (const spec of serviceSets(service)) {
      const header = existing.get(spec.name);
      const isList = spec.name !== aliveSet(service);
      if (!isList || header === undefined || header.entries === 0 || !isSameKind(spec, header)) continue;
      const there = parseEntries(await this.dump(spec.name)).map(({ network }) => network.text);
      if (there.length === 0) continue; // only a sentinel
      const restored = await this.#persistence.restore(spec.name);
      const own = new Set(restored.entries().map(({ network }) => network.text));
      await this.#builder.refill(spec, restored);
      out.set(
        spec.name,
        there.filter((text) => !own.has(text)),
      );
    }
    return out;
  }

  /** Returns a set as `ipset save` prints it, without its sentinel: 100,000 entries are 5 MB. */
  async dump(set: string): Promise<string> {
    return this.sentinels.strip(set, await this.#ipset.save(set));
  }

  /** Describes which sets are missing or of another kind; empty if none. */
  async faults(specs: readonly SetSpec[]): Promise<string[]> {
    return setFaults(specs, await this.headers());
  }

  /** Destroys the sets of a service. Returns which had to stay because a foreign rule references them. */
  async destroy(service: string): Promise<string[]> {
    return this.#destroy([...serviceSets(service), ...trialSets(service)]);
  }

  /** Destroys the sets of past trials. Returns which had to stay because a rule references them. */
  async destroyTrial(services: readonly string[]): Promise<string[]> {
    return this.#destroy(services.flatMap(trialSets));
  }

  async #destroy(specs: readonly SetSpec[]): Promise<string[]> {
    const existing = await this.headers();
    const left: string[] = [];
    const lines: string[] = [];
    for (const { name } of specs) {
      if (existing.has(freshName(name))) lines.push(`destroy ${freshName(name)}`);
      const header = existing.get(name);
      if (header === undefined) continue;
      if (header.references === 0) lines.push(`destroy ${name}`);
      else left.push(`set ${name} was not destroyed: rules still reference it (${header.references})`);
    }
    if (lines.length > 0) await this.#ipset.batch(lines);
    return left;
  }

  /** Returns the headers of all sets of this network namespace, by name. */
  async headers(): Promise<ReadonlyMap<string, SetHeader>> {
    return this.#withoutSentinels(parseHeaders(await this.#ipset.list()));
  }

  /** Sentinels do not count as entries. */
  #withoutSentinels(headers: ReadonlyMap<string, SetHeader>): ReadonlyMap<string, SetHeader> {
    const seen = [...headers].map(([set, header]): [string, SetHeader] => {
      const entries = this.sentinels.has(set) ? Math.max(0, header.entries - 1) : header.entries;
      return [set, { ...header, entries }];
    });
    return new Map(seen);
  }

  /**
   * Lists all sets, and re-checks the sentinels of those whose size changed. For callers at every heartbeat: concurrent
   * callers share one listing.
   */
  async listAndCheck(): Promise<ReadonlyMap<string, SetHeader>> {
    this.#listing ??= this.#listNow().finally(() => {
      this.#listing = undefined;
    });
    return this.#listing;
  }

  async #listNow(): Promise<ReadonlyMap<string, SetHeader>> {
    const all = parseHeaders(await this.#ipset.list());
    const counts = new Map([...all].map(([set, { entries }]) => [set, entries]));
    const changed = [...counts].filter(([set, entries]) => entries !== this.#counts.get(set));
    this.#counts = new Map();
    await this.sentinels.ensure(changed.map(([set]) => set));
    this.#counts = counts;
    return this.#withoutSentinels(all);
  }

  /** Adds entries, or renews existing ones. Many are added in one batch. */
  async add(service: string, list: SetList, entries: readonly Entry[]): Promise<void> {
    for (const { set, family } of listSets(service, list)) {
      const own = entries.filter((entry) => entry.network.family === family);
      if (own.length === 0) continue;
      const change = { kind: 'add', entries: own } as const;
      await this.#persistence.change(set, change, async () => {
        await this.sentinels.ensure([set]); // another program may have emptied it; a network must not be the only entry
        const lines = addLines(set, own);
        const spec = serviceSets(service).find(({ name }) => name === set);
        await (spec === undefined || lines.length <= BATCH
          ? this.#ipset.lines(lines)
          : this.#addMany(spec, lines));
      });
    }
  }

  /** Deletes entries; missing ones are ignored. */
  async remove(service: string, list: SetList, networks: readonly Network[]): Promise<void> {
    for (const { set, family } of listSets(service, list)) {
      const own = await this.#present(
        set,
        networks.filter((network) => network.family === family),
      );
      if (own.length === 0) continue;
      const change = { kind: 'remove', networks: own } as const;
      await this.#persistence.change(set, change, async () =>
        this.#ipset.lines(own.map((network) => delLine(set, network))),
      );
    }
  }

  /**
   * Executes many lines for a set, preceded by the line that creates it although it exists: ipset takes half the time
   * if its input creates the set (measured, 7.17: 0.37 against 0.8 s for 100,000).
   */
  async #addMany(spec: SetSpec, lines: readonly string[]): Promise<void> {
    try {
      await this.#ipset.batch([`create ${spec.name} ${spec.create}`, ...lines]);
    } catch (error) {
      if (!errorText(error).includes('Set cannot be created')) throw error;
      await this.#ipset.batch(lines); // a set with other parameters will do: nothing has been executed yet
    }
  }

  /** Of many networks, returns those in the set: a lookup is faster than deleting missing entries. */
  async #present(set: string, networks: readonly Network[]): Promise<readonly Network[]> {
    if (networks.length <= BATCH) return networks;
    const held = new Set(parseEntries(await this.dump(set)).map(({ network }) => network.text));
    return networks.filter(({ text }) => held.has(text));
  }

  /** True if the list holds the network itself or, for a single address, a network that covers it. */
  async covers(service: string, list: SetList, network: Network): Promise<boolean> {
    const answer = await this.#ipset.line(`test ${setName(service, list, network.family)} ${network.text}`);
    return answer.includes(' is in set ');
  }

  /** Returns the number of entries in one set of a list. */
  async count(service: string, list: SetList, family: Family): Promise<number> {
    return (await this.headers()).get(setName(service, list, family))?.entries ?? 0;
  }

  /** Empties a list. */
  async empty(service: string, list: SetList): Promise<void> {
    for (const { set } of listSets(service, list)) {
      await this.#persistence.change(set, { kind: 'empty' }, async () =>
        this.#ipset.lines([`flush ${set}`, ...this.sentinels.lines(set)]),
      );
    }
  }

  /** Returns all entries of a list, both families. */
  async entries(service: string, list: SetList): Promise<Entry[]> {
    const saved = await Promise.all(listSets(service, list).map(async ({ set }) => this.dump(set)));
    return saved.flatMap(parseEntries);
  }

  /** Flushes sets. */
  async flush(sets: readonly string[]): Promise<void> {
    for (const set of sets) await this.#ipset.line(`flush ${set}`);
  }

  /** Executes lines in one process; throws if any fails. Adding what exists or deleting what does not is no error. */
  async batch(lines: readonly string[]): Promise<void> {
    await this.#ipset.batch(lines);
  }

  /** Ends the channel's process. */
  async close(): Promise<void> {
    await this.#ipset.close();
  }
}
