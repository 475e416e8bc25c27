import type { Family } from '../../base/address.js';
import { CommandError, errorText } from '../../base/errors.js';
import { parse } from '../../iptables-parser/parse.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import { execOk, type Exec, type ExecOptions } from '../../system/exec.js';
import { findTool } from '../../system/tools.js';
import type { BackendName } from '../model/backend-name.js';
import { namedBackend, NO_BACKEND, type Backend } from './backend.js';
import { ChainReader } from './chain-way.js';
import { explain } from './explain.js';
import { dormantTables, nftItems, protocol } from './nft-listing.js';
import { NftReader } from './nft-way.js';
import type { FallbackReader } from './otherwise.js';
import { isPristine, isWholeSave, reasonIn, uncounted } from './saved.js';
import { TABLES, type TableName } from '../model/table-name.js';
import { ReadFailures, Unreadable } from './unread.js';

/** How long legacy iptables waits for the xtables lock, and the hard limit of any call. */
const LOCK_WAIT_S = 5;
const TIMEOUT_MS = 20_000;
/**
 * A save that prints nothing for this long hangs, and is not run again for a while (10,000 rules take 41 ms). The limit
 * is shorter if the fallback uses another program.
 */
const READ_MS = 6_000;
const ONLY_READ_MS = 10_000;
const SUSPENDED_MS = 30_000;
/** How many of knockctl's own processes are remembered, to tell their changes from those of others. */
const MAX_OWN_PIDS = 64;

/** Options for reading a table. */
interface ReadOptions {
  /** Receives the packets counted by the last rule of each chain. */
  readonly counts?: Map<string, number> | undefined;
  /** Chains that may hold knockctl's rules. */
  readonly chains?: ReadonlySet<string>;
  /** The table; filter by default. */
  readonly table?: TableName;
}

/** Returns why no packet meets the rules of a table; see Tables.sleeping. */
export type Dormancy = (family: Family, table: TableName) => string | undefined;

/** Reads and writes the tables that may hold knockctl's rules, in both families: whole saves and whole transactions. */
export class Tables {
  readonly #exec: Exec;
  readonly #ownPids = new Set<number>();
  readonly #unread: Readonly<Record<TableName, ReadFailures>> = {
    filter: new ReadFailures(),
    mangle: new ReadFailures(),
  };
  readonly #fallback: Readonly<Record<TableName, FallbackReader>> | undefined;
  readonly backend: Backend;
  /** Other back ends; kept, because each remembers which reader hangs. */
  readonly #otherBackends = new Map<BackendName, Tables>();

  constructor(exec: Exec, backend: Backend) {
    this.#exec = exec;
    this.backend = backend;
    this.#fallback = this.#makeFallback();
  }

  /** Returns the tables of another back end. Throws KnockError if it is not installed. */
  withBackend(name: BackendName): Tables {
    if (name === this.backend.name && this.backend !== NO_BACKEND) return this;
    const known = this.#otherBackends.get(name);
    if (known !== undefined) return known;
    const tables = new Tables(this.#exec, namedBackend(name, "knockctl's rules may be left in it"));
    this.#otherBackends.set(name, tables);
    return tables;
  }

  /**
   * Families whose last save failed, and why, in either table. Of these, only knockctl's rules were read, by the
   * fallback reader, and changes are made the same way.
   */
  get unread(): ReadonlyMap<Family, string> {
    const reasons = new Map<Family, string>();
    for (const [family, why] of this.#unread.mangle.reasons) reasons.set(family, `table mangle: ${why}`);
    for (const [family, why] of this.#unread.filter.reasons) reasons.set(family, why);
    return reasons;
  }

  /** The same for one table. */
  unreadIn(table: TableName): ReadonlyMap<Family, string> {
    return this.#unread[table].reasons;
  }

  /** Forgets read failures of a table that holds none of knockctl's rules any more. */
  forgetReadFailure(family: Family, table: TableName): void {
    this.#unread[table].recordSuccess(family);
  }

  /**
   * Reads a table; the ruleset is empty if there is none. `isOwn` recognises the lines that matter: a foreign rule that
   * cannot be parsed is ignored. An incomplete save is never taken for an empty table: knockctl's rules are then read
   * by the fallback reader. Throws Unreadable if that fails too.
   */
  async read(
    family: Family,
    isOwn: (line: string) => boolean,
    { counts, chains = new Set(), table = 'filter' }: ReadOptions = {},
  ): Promise<Ruleset> {
    let saved: string;
    try {
      saved = await this.#save(family, table, '-c');
      this.#unread[table].recordSuccess(family);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return this.#readByFallback(error, isOwn, { counts, chains, table });
    }
    const text = uncounted(saved, counts);
    try {
      return parse(text);
    } catch {
      const lines = text.split('\n').filter((line) => !line.startsWith('-') || isOwn(line));
      return parse(lines.join('\n'));
    }
  }

  async #readByFallback(
    { family, why }: Unreadable,
    isOwn: (line: string) => boolean,
    { counts, chains = new Set(), table = 'filter' }: ReadOptions,
  ): Promise<Ruleset> {
    const other = this.#fallback?.[table];
    try {
      if (other === undefined) throw new Error('there is no fallback program');
      const hangs = this.#suspendedReason(family) !== undefined;
      if (hangs && !(other instanceof NftReader)) throw new Error('it is the same program');
      const reading = await other.read(family, isOwn, chains);
      for (const [chain, packets] of reading.counts) counts?.set(chain, packets);
      this.#unread[table].recordFailure(family, why, reading);
      return parse(reading.text);
    } catch (error) {
      this.#unread[table].recordFailure(family, why, undefined);
      throw new Unreadable(family, `${why}; nor by ${other?.name ?? 'nft'}: ${errorText(error)}`);
    }
  }

  /** Allows a hung reader to be asked again: a removal needs the current state. */
  resumeReading(family: Family): void {
    for (const table of TABLES) this.#unread[table].resume(family);
  }

  /** Returns why the reader of a family is not asked now, whichever table it hung at. */
  #suspendedReason(family: Family): string | undefined {
    return this.#unread.filter.suspendedReason(family) ?? this.#unread.mangle.suspendedReason(family);
  }

  #timeoutReason(family: Family, timeoutMs: number): string {
    return `${this.backend.tools[family].save}: no answer within ${timeoutMs / 1_000} s`;
  }

  /** Passes rules that were just read to the fallback reader, for a time when saves fail. */
  async learn(
    family: Family,
    ruleset: Ruleset,
    isOwn: (name: string) => boolean,
    table: TableName = 'filter',
  ): Promise<void> {
    const other = this.#fallback?.[table];
    if (!(other instanceof NftReader) || this.#unread[table].reasons.has(family)) return;
    await other.learn(family, ruleset, isOwn).catch(() => undefined); // without it the fallback reader has to ask iptables
  }

  /** Throws Unreadable if the save is incomplete, KnockError if the reason is a known one. */
  async #save(family: Family, table: TableName, ...words: readonly string[]): Promise<string> {
    const { save } = this.backend.tools[family];
    const spared = this.#suspendedReason(family);
    if (spared !== undefined) throw new Unreadable(family, spared);
    const timeoutMs = this.#fallback?.[table] instanceof NftReader ? READ_MS : ONLY_READ_MS;
    try {
      const text = await this.#run([save, ...words, '-t', table], { timeoutMs });
      if (isWholeSave(text, table)) return text;
      const why = reasonIn(text) ?? (text === '' ? 'printed nothing' : 'was cut short');
      throw new Unreadable(family, `${save}: ${why}`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { timedOut, stderr } = error.failure;
      const why = timedOut
        ? this.#timeoutReason(family, timeoutMs)
        : `${save}: ${reasonIn(stderr) ?? error.message}`;
      if (timedOut) this.#unread[table].suspend(family, why, SUSPENDED_MS);
      throw new Unreadable(family, why);
    }
  }

  /**
   * Whether a table exists, filter by default. Asked for a table by name, iptables-nft-save prints one that does not
   * exist, and iptables-legacy-save creates it. If in doubt, true.
   */
  async exists(family: Family, table: TableName = 'filter'): Promise<boolean> {
    const other = this.#fallback?.[table];
    try {
      if (other instanceof NftReader) return await other.exists(family);
      if (this.backend.name === 'legacy') return await this.#isLegacyTable(family, table);
      return new RegExp(`^\\*${table}$`, 'm').test(await this.saveAll(family));
    } catch {
      return true;
    }
  }

  /**
   * Finds dormant tables: iptables-save shows their rules as usual, but no packet meets them (measured). Returns a
   * function that gives the reason for a table; undefined: packets meet its rules, as far as known. One process,
   * because every reconciliation calls it.
   */
  async dormancy(): Promise<Dormancy> {
    const nft = this.backend.name === 'nft' ? findTool('nft') : undefined;
    if (nft === undefined) return () => undefined;
    const list = async (): Promise<ReadonlySet<string>> =>
      dormantTables(nftItems(await this.#run([nft, '-j', 'list', 'tables'], { timeoutMs: READ_MS })));
    // A failure of nft, or invalid output, is no reason to trip.
    const dormant = await list().catch(() => new Set<string>());
    return (family, table) => {
      const place = `${protocol(family)} ${table}`;
      return dormant.has(place)
        ? `table ${place} is dormant, so its rules have no effect: nft add table ${place} activates it`
        : undefined;
    };
  }

  /** Reads the kernel's own list: asking iptables for a table creates it, and may hang. */
  async #isLegacyTable(family: Family, table: TableName): Promise<boolean> {
    const file = `/proc/net/${protocol(family)}_tables_names`;
    return (await this.#run(['/bin/cat', file], { timeoutMs: READ_MS })).split('\n').includes(table);
  }

  /**
   * Saves all tables of a family, as far as possible (see unsavedTable). A reader that hangs once is not asked again
   * for a while: if every call waited, no reconciliation would end. Throws Unreadable for such a reader.
   */
  async saveAll(family: Family): Promise<string> {
    const spared = this.#suspendedReason(family);
    if (spared !== undefined) throw new Unreadable(family, spared);
    try {
      return await this.#run([this.backend.tools[family].save], { timeoutMs: READ_MS });
    } catch (error) {
      if (error instanceof CommandError && error.failure.timedOut)
        this.#unread.filter.suspend(family, this.#timeoutReason(family, READ_MS), SUSPENDED_MS);
      throw error;
    }
  }

  /** Lists everything in nft, without set elements, as JSON or as text with handles; undefined without nft. */
  async listNft(form: 'json' | 'text'): Promise<string | undefined> {
    const nft = findTool('nft');
    if (nft === undefined) return undefined;
    return this.#run([nft, form === 'json' ? '-j' : '-a', '-t', 'list', 'ruleset'], { timeoutMs: READ_MS });
  }

  /**
   * Deletes an nft table, filter by default, that holds no rules and no chains but the built-in ones with policy
   * ACCEPT. Legacy tables cannot be deleted; without nft the table stays.
   */
  async dropIfEmpty(family: Family, table: TableName = 'filter'): Promise<void> {
    const nft = findTool('nft');
    if (this.backend.name !== 'nft' || nft === undefined || this.unreadIn(table).has(family)) return;
    if (!(await this.exists(family, table))) return; // a failed start may not have created it
    if (!isPristine(await this.#save(family, table), table)) return;
    await this.#run([nft, 'delete', 'table', protocol(family), table], {});
  }

  /**
   * Applies a transaction atomically; one of two tables, table by table. If a table was last read by the fallback
   * reader, its part takes two steps: additions, then deletions. Throws Error for an empty transaction, which the tools
   * would accept.
   */
  async apply(family: Family, text: string): Promise<void> {
    if (text === '') throw new Error('an empty transaction');
    const readings = TABLES.map((table) => this.#unread[table].reading(family));
    if (readings.every((reading) => reading === undefined)) {
      await this.#restore(family, text);
      return;
    }
    for (const { table, part } of partsOf(text)) {
      const reading = this.#unread[table].reading(family);
      await (reading === undefined ? this.#restore(family, part) : reading.apply(part));
    }
  }

  async #restore(family: Family, text: string): Promise<void> {
    const { restore } = this.backend.tools[family];
    await this.#run([restore, '--noflush', '-w', String(LOCK_WAIT_S)], { input: text });
  }

  /** True for a process that knockctl started: its changes are knockctl's own. */
  isOwnProcess(pid: number): boolean {
    return this.#ownPids.has(pid);
  }

  #makeFallback(): Readonly<Record<TableName, FallbackReader>> | undefined {
    if (this.backend === NO_BACKEND) return undefined;
    const tool = (family: Family): string => this.backend.tools[family].save.replace(/-save$/, '');
    const common = {
      iptables: { 4: tool(4), 6: tool(6) },
      run: async (argv: readonly string[], input?: string): Promise<string> =>
        this.#run(argv, { timeoutMs: READ_MS, ...(input === undefined ? {} : { input }) }),
      restore: async (family: Family, text: string): Promise<void> => this.#restore(family, text),
    };
    const nft = this.backend.name === 'nft' ? findTool('nft') : undefined;
    const way = (table: TableName): FallbackReader =>
      nft === undefined ? new ChainReader({ ...common, table }) : new NftReader({ ...common, nft, table });
    return { filter: way('filter'), mangle: way('mangle') };
  }

  async #run(argv: readonly string[], options: ExecOptions): Promise<string> {
    const spawned = (pid: number): void => {
      this.#ownPids.add(pid);
      for (const oldest of this.#ownPids) {
        if (this.#ownPids.size <= MAX_OWN_PIDS) break;
        this.#ownPids.delete(oldest);
      }
    };
    try {
      return await execOk(this.#exec, argv, { timeoutMs: TIMEOUT_MS, ...options, spawned });
    } catch (error) {
      throw error instanceof CommandError ? explain(error) : error;
    }
  }
}

/** Splits a text into the transactions of each table, in order. */
function partsOf(text: string): { readonly table: TableName; readonly part: string }[] {
  return text
    .split(/^(?=\*)/m)
    .map((part) => ({ table: part.startsWith('*mangle\n') ? 'mangle' : 'filter', part }));
}
