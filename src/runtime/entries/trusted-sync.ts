import { parseAddress, parseNetwork, type Network } from '../../base/address.js';
import { impossibleHere } from '../../base/impossible.js';
import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import type { TrustedEntry } from '../../config/settings.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import { safeComment, type Entry } from '../../firewall/sets/set-specs.js';
import { DamagedFile, StateFile } from '../../system/state-file.js';
import { readStrict } from '../../system/strict-file.js';
import type { Resolver } from '../../system/resolver.js';
import { isFields } from '../../wire/guards.js';
import type { Journal } from '../journal/journal.js';

/** Entries of the trusted file carry this origin in the kernel; entries of a host name, its name behind it. */
const FILE_ORIGIN = 'file';
/** Names looked up at the same time: each takes a process. */
const PARALLEL = 2;
/** More than so many are looked for in what the sets hold. */
const MOST_ASKED = 20;

/** Last known addresses, by host name. */
type Addresses = Readonly<Record<string, readonly string[]>>;

interface TrustedSyncParts {
  readonly sets: SetStore;
  /** By whose names the trusted sets are found; others once a trial is confirmed. */
  readonly services: readonly string[];
  readonly resolver: Resolver;
  readonly journal: Pick<Journal, 'record'>;
  /** Where the last known addresses of host names are kept over restarts. */
  readonly stateFile: string;
  /** Addresses of this host: who has one of these needs no trust, and a packet with one of them is forged. */
  readonly ownSources?: () => readonly Network[];
  /** True while names that are not in the file now may be again: on trial. Their addresses are kept too. */
  readonly keepsAll?: () => boolean;
}

/**
 * Keeps the trusted sets equal to the trusted file: literal entries at once, host names by their
 * addresses of both families, looked up again on the schedule. Where DNS fails, the last known
 * addresses stay, also over a restart. Entries of other origin (`knockctl trust`) are not touched.
 */
export class TrustedSync {
  readonly #parts: TrustedSyncParts;
  readonly #file: StateFile<Addresses>;
  readonly #known: Map<string, readonly Network[]>;
  /** Host names that do not resolve. */
  readonly #unresolved = new WarnOnce();
  /** Addresses that are passed over. */
  readonly #passed = new WarnOnce();
  #entries: readonly TrustedEntry[];
  readonly #retirement = new AbortController();
  /** False until the sets are known to be as the file has it: what failed half-way is done again. */
  #applied = false;

  constructor(entries: readonly TrustedEntry[], parts: TrustedSyncParts) {
    this.#entries = entries;
    this.#parts = parts;
    this.#file = new StateFile(parts.stateFile, {
      parse: (document) => (isAddresses(document) ? document : undefined),
      readText: readStrict,
      isIndented: true,
    });
    this.#known = this.#readKnown();
  }

  /** Brings the sets to what the file says, with what is known of host names. Asks no resolver. */
  async apply(): Promise<void> {
    this.#applied = false;
    const desired = this.#desired();
    for (const service of this.#parts.services) {
      const current = await this.#parts.sets.entries(service, 'trusted');
      const texts = new Map(current.map((entry) => [entry.network.text, entry.origin]));
      const missing = [...desired.values()].filter((entry) => texts.get(entry.network.text) !== entry.origin);
      const stale = current.filter((entry) => isFromFile(entry.origin) && !desired.has(entry.network.text));
      await this.#parts.sets.add(service, 'trusted', missing);
      await this.#parts.sets.remove(
        service,
        'trusted',
        stale.map((entry) => entry.network),
      );
    }
    this.#applied = true;
  }

  /** Applies the file again where somebody whom it trusts is not let in any more. A few are asked for one by one, without a process. */
  async check(): Promise<void> {
    const wanted = [...this.#desired().values()];
    if (!this.#applied || wanted.length > MOST_ASKED || !(await this.#lets(wanted))) await this.apply();
  }

  async #lets(wanted: readonly Entry[]): Promise<boolean> {
    const { services, sets } = this.#parts;
    for (const service of services) {
      for (const { network } of wanted) if (!(await sets.covers(service, 'trusted', network))) return false;
    }
    return true;
  }

  /** Looks all host names up again, and applies what has changed. */
  async refresh(): Promise<void> {
    const names = this.#entries.filter((entry) => entry.network === undefined).map((entry) => entry.text);
    const queue = [...new Set(names)];
    const worker = async (): Promise<void> => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        if (!this.#retirement.signal.aborted) await this.#resolve(name);
      }
    };
    await Promise.all(Array.from({ length: PARALLEL }, worker));
    if (this.#retirement.signal.aborted) return;
    this.#writeKnown();
    await this.apply();
  }

  /** Forgets entries that were taken out by hand, so that they do not come back before a reload. */
  forget(texts: readonly string[]): void {
    this.#entries = this.#entries.filter(
      (entry) => !texts.includes(entry.text) && !texts.includes(entry.network ?? entry.text),
    );
  }

  /** Forgets all entries. */
  forgetAll(): void {
    this.#entries = [];
  }

  /** Another keeper has taken over, or we end: a look-up that is still going on ends, and does not bring the old list back. */
  retire(): void {
    this.#retirement.abort();
  }

  async #resolve(name: string): Promise<void> {
    const { journal, resolver } = this.#parts;
    const { signal } = this.#retirement;
    const answer = await resolver(name, signal);
    if (signal.aborted) return;
    if (answer.ok) {
      this.#unresolved.ends(name);
      const addresses = answer.value.map((network) => network.text).sort();
      const before = (this.#known.get(name) ?? []).map((network) => network.text).sort();
      this.#known.set(name, answer.value);
      if (addresses.join() !== before.join()) {
        journal.record('trusted', `trusted host ${name} is ${addresses.join(', ')}`, {
          host: name,
          addresses,
        });
      }
      return;
    }
    if (!this.#unresolved.begins(name)) return;
    const kept = this.#known.get(name)?.map((network) => network.text) ?? [];
    const meaning =
      kept.length > 0 ? `its last known addresses stay: ${kept.join(', ')}` : 'nobody is let in by this line';
    journal.record('trusted', `${answer.reason}; ${meaning}`, { host: name }, 'warn');
  }

  #passOver({ text }: Network, fault: string): void {
    if (!this.#passed.begins(text)) return;
    const line = `the trusted list has ${text}, which is passed over: ${fault}`;
    this.#parts.journal.record('trusted', line, { address: text }, 'warn');
  }

  #desired(): Map<string, Entry> {
    const desired = new Map<string, Entry>();
    const own = this.#parts.ownSources?.() ?? [];
    const want = (network: Network, origin: string): void => {
      const fault = impossibleHere(network, own);
      if (fault !== undefined) this.#passOver(network, fault);
      else if (!desired.has(network.text))
        desired.set(network.text, { network, timeoutS: 0, origin: safeComment(origin) });
    };
    for (const entry of this.#entries) {
      if (entry.network === undefined) continue;
      const parsed = parseNetwork(entry.network);
      if (parsed.ok) want(parsed.value, FILE_ORIGIN);
    }
    for (const entry of this.#entries) {
      if (entry.network !== undefined) continue;
      for (const network of this.#known.get(entry.text) ?? []) want(network, `${FILE_ORIGIN} ${entry.text}`);
    }
    return desired;
  }

  #readKnown(): Map<string, readonly Network[]> {
    let saved: Addresses | undefined;
    try {
      saved = this.#file.read();
    } catch (error) {
      const why = error instanceof DamagedFile ? error.reason : errorText(error);
      const text = `${this.#file.path} is damaged and not used: ${why}`;
      this.#parts.journal.record('trusted', text, {}, 'warn');
    }
    const networksOf = (texts: readonly string[]): Network[] =>
      texts.map(parseAddress).flatMap((network) => (network.ok ? [network.value] : []));
    return new Map(Object.entries(saved ?? {}).map(([name, texts]) => [name, networksOf(texts)]));
  }

  #writeKnown(): void {
    const names = new Set(this.#entries.map((entry) => entry.text));
    const all = this.#parts.keepsAll?.() === true;
    const kept = [...this.#known].filter(([name]) => all || names.has(name));
    if (kept.length === 0) return;
    const data = Object.fromEntries(
      kept.map(([name, networks]) => [name, networks.map((network) => network.text)]),
    );
    try {
      this.#file.write(data);
    } catch (error) {
      const text = `cannot keep the addresses of trusted hosts in ${this.#file.path}: ${errorText(error)}`;
      this.#parts.journal.record('trusted', text, {}, 'warn');
    }
  }
}

function isAddresses(document: unknown): document is Addresses {
  const isTexts = (value: unknown): boolean =>
    Array.isArray(value) && value.every((text) => typeof text === 'string');
  return isFields(document) && Object.values(document).every(isTexts);
}

/** Whether an entry came from the trusted file. */
export function isFromFile(origin: string): boolean {
  return origin === FILE_ORIGIN || origin.startsWith(`${FILE_ORIGIN} `);
}
