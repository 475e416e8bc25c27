import type { Family } from '../../base/address.js';
import { CommandError, errorText } from '../../base/errors.js';
import { parse } from '../../iptables-parser/parse.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import { execOk, type Exec, type ExecOptions } from '../../system/exec.js';
import { findTool } from '../../system/tools.js';
import type { BackendName } from '../model/backend-name.js';
import { namedBackend, NO_BACKEND, type Backend } from './backend.js';
import { ChainWay } from './chain-way.js';
import { explain } from './explain.js';
import { dormantTables, nftItems, protocol } from './nft-listing.js';
import { NftWay } from './nft-way.js';
import type { OtherWay } from './otherwise.js';
import { isPristine, isWholeSave, reasonIn, uncounted } from './saved.js';
import { TABLES, type TableName } from '../model/table-name.js';
import { Unread, Unreadable } from './unread.js';

/** How long a legacy iptables waits for the xtables lock, and when we end it whatever it waits for. */
const LOCK_WAIT_S = 5;
const TIMEOUT_MS = 20_000;
/**
 * A reader that has said nothing for so long hangs, and is not asked again for a while (10,000 rules take 41 ms). The sooner with
 * a second way that needs another program.
 */
const READ_MS = 6_000;
const ONLY_READ_MS = 10_000;
const SPARED_MS = 30_000;
/** Of our own processes so many are remembered, to tell their changes from those of others. */
const REMEMBERED = 64;

/** What else is to be known of a reading. */
interface ReadOptions {
  /** Gets the packets that the last rule of each chain has seen. */
  readonly counts?: Map<string, number> | undefined;
  /** Chains that rules of ours may be in. */
  readonly chains?: ReadonlySet<string>;
  /** By default filter. */
  readonly table?: TableName;
}

/** Why no packet meets any rule of a table; see Tables.sleeping. */
export type Sleeping = (family: Family, table: TableName) => string | undefined;

/** The tables of both families that rules of ours stand in: whole saves and whole transactions. */
export class Tables {
  readonly #exec: Exec;
  readonly #own = new Set<number>();
  readonly #unread: Readonly<Record<TableName, Unread>> = { filter: new Unread(), mangle: new Unread() };
  readonly #other: Readonly<Record<TableName, OtherWay>> | undefined;
  readonly backend: Backend;
  /** Those of other back ends: kept, since they know which reader hangs. */
  readonly #others = new Map<BackendName, Tables>();

  constructor(exec: Exec, backend: Backend) {
    this.#exec = exec;
    this.backend = backend;
    this.#other = this.#otherWay();
  }

  /** The tables of a back end that is not the one chosen now. Throws KnockError where it is not installed. */
  in(name: BackendName): Tables {
    if (name === this.backend.name && this.backend !== NO_BACKEND) return this;
    const known = this.#others.get(name);
    if (known !== undefined) return known;
    const tables = new Tables(this.#exec, namedBackend(name, 'rules of ours may be left in it'));
    this.#others.set(name, tables);
    return tables;
  }

  /**
   * Families whose rules the last save could not tell, and why; by default in either table. What was read of them then is only
   * what is ours, by a second way, and a change goes that way too.
   */
  get unread(): ReadonlyMap<Family, string> {
    const reasons = new Map<Family, string>();
    for (const [family, why] of this.#unread.mangle.reasons) reasons.set(family, `table mangle: ${why}`);
    for (const [family, why] of this.#unread.filter.reasons) reasons.set(family, why);
    return reasons;
  }

  /** The same of one table. */
  unreadIn(table: TableName): ReadonlyMap<Family, string> {
    return this.#unread[table].reasons;
  }

  /** Nothing of ours is in a table any more: whether it can be read is nobody's concern. */
  passOver(family: Family, table: TableName): void {
    this.#unread[table].over(family);
  }

  /**
   * A table in force; a ruleset without tables where there is none. `mine` tells the lines
   * that matter to us: a rule of somebody else that cannot be parsed is passed over. A save that is none is never taken for an empty
   * table: then our rules are read by a second way. Throws Unreadable where that cannot tell either.
   */
  async read(
    family: Family,
    mine: (line: string) => boolean,
    { counts, chains = new Set(), table = 'filter' }: ReadOptions = {},
  ): Promise<Ruleset> {
    let saved: string;
    try {
      saved = await this.#save(family, table, '-c');
      this.#unread[table].over(family);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      return this.#readOtherwise(error, mine, { counts, chains, table });
    }
    const text = uncounted(saved, counts);
    try {
      return parse(text);
    } catch {
      const lines = text.split('\n').filter((line) => !line.startsWith('-') || mine(line));
      return parse(lines.join('\n'));
    }
  }

  async #readOtherwise(
    { family, why }: Unreadable,
    mine: (line: string) => boolean,
    { counts, chains = new Set(), table = 'filter' }: ReadOptions,
  ): Promise<Ruleset> {
    const other = this.#other?.[table];
    try {
      if (other === undefined) throw new Error('there is no program for another way');
      const hangs = this.#spared(family) !== undefined;
      if (hangs && !(other instanceof NftWay)) throw new Error('it is the same program');
      const reading = await other.read(family, mine, chains);
      for (const [chain, packets] of reading.counts) counts?.set(chain, packets);
      this.#unread[table].found(family, why, reading);
      return parse(reading.text);
    } catch (error) {
      this.#unread[table].found(family, why, undefined);
      throw new Unreadable(family, `${why}; nor by ${other?.name ?? 'nft'}: ${errorText(error)}`);
    }
  }

  /** A reader that hung is asked again: who takes our rules out wants to know how it is now. */
  tryAgain(family: Family): void {
    for (const table of TABLES) this.#unread[table].tryAgain(family);
  }

  /** Why the reader of a family is left alone, whichever table it hung at. */
  #spared(family: Family): string | undefined {
    return this.#unread.filter.spared(family) ?? this.#unread.mangle.spared(family);
  }

  #silence(family: Family, timeoutMs: number): string {
    return `${this.backend.tools[family].save}: no answer within ${timeoutMs / 1_000} s`;
  }

  /** Notes how rules of ours that were just read are shown elsewhere, for a time when no save tells them. */
  async learn(
    family: Family,
    ruleset: Ruleset,
    mine: (name: string) => boolean,
    table: TableName = 'filter',
  ): Promise<void> {
    const other = this.#other?.[table];
    if (!(other instanceof NftWay) || this.#unread[table].reasons.has(family)) return;
    await other.learn(family, ruleset, mine).catch(() => undefined); // without it the second way has to ask iptables
  }

  /** Throws Unreadable where what came is no answer, KnockError where the reason is a known one. */
  async #save(family: Family, table: TableName, ...words: readonly string[]): Promise<string> {
    const { save } = this.backend.tools[family];
    const spared = this.#spared(family);
    if (spared !== undefined) throw new Unreadable(family, spared);
    const timeoutMs = this.#other?.[table] instanceof NftWay ? READ_MS : ONLY_READ_MS;
    try {
      const text = await this.#run([save, ...words, '-t', table], { timeoutMs });
      if (isWholeSave(text, table)) return text;
      const why = reasonIn(text) ?? (text === '' ? 'printed nothing' : 'was cut short');
      throw new Unreadable(family, `${save}: ${why}`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      const { timedOut, stderr } = error.failure;
      const why = timedOut
        ? this.#silence(family, timeoutMs)
        : `${save}: ${reasonIn(stderr) ?? error.message}`;
      if (timedOut) this.#unread[table].spare(family, why, SPARED_MS);
      throw new Unreadable(family, why);
    }
  }

  /**
   * Whether a table exists, by default filter: asked for by name, iptables-nft-save prints one that does not, and
   * iptables-legacy-save makes it. In doubt it does.
   */
  async exists(family: Family, table: TableName = 'filter'): Promise<boolean> {
    const other = this.#other?.[table];
    try {
      if (other instanceof NftWay) return await other.exists(family);
      if (this.backend.name === 'legacy') return await this.#isLegacyTable(family, table);
      return new RegExp(`^\\*${table}$`, 'm').test(await this.saveAll(family));
    } catch {
      return true;
    }
  }

  /**
   * Looks which tables are out of service: iptables-save shows their rules as ever, and no packet meets them (measured). Gives
   * why a table is; undefined: packets meet its rules, as far as it can be told. One process, for it is asked at every look.
   */
  async sleeping(): Promise<Sleeping> {
    const nft = this.backend.name === 'nft' ? findTool('nft') : undefined;
    if (nft === undefined) return () => undefined;
    const list = async (): Promise<ReadonlySet<string>> =>
      dormantTables(nftItems(await this.#run([nft, '-j', 'list', 'tables'], { timeoutMs: READ_MS })));
    // nft that fails, or prints nonsense, is no reason to trip.
    const dormant = await list().catch(() => new Set<string>());
    return (family, table) => {
      const place = `${protocol(family)} ${table}`;
      return dormant.has(place)
        ? `the table ${place} is dormant, so no packet meets a rule in it: nft add table ${place} wakes it`
        : undefined;
    };
  }

  /** By the kernel's own list: to ask iptables for a table makes it, and may hang. */
  async #isLegacyTable(family: Family, table: TableName): Promise<boolean> {
    const file = `/proc/net/${protocol(family)}_tables_names`;
    return (await this.#run(['/bin/cat', file], { timeoutMs: READ_MS })).split('\n').includes(table);
  }

  /**
   * Everything of a family, as far as a save tells it (see unsavedTable). Who hangs at one question is not asked the next ones: with
   * a wait for each, no look would ever end. Throws Unreadable for a reader that is left alone.
   */
  async saveAll(family: Family): Promise<string> {
    const spared = this.#spared(family);
    if (spared !== undefined) throw new Unreadable(family, spared);
    try {
      return await this.#run([this.backend.tools[family].save], { timeoutMs: READ_MS });
    } catch (error) {
      if (error instanceof CommandError && error.failure.timedOut)
        this.#unread.filter.spare(family, this.#silence(family, READ_MS), SPARED_MS);
      throw error;
    }
  }

  /** Everything that nft has, but for elements of sets, as JSON or as text with handles; undefined without the program. */
  async listNft(form: 'json' | 'text'): Promise<string | undefined> {
    const nft = findTool('nft');
    if (nft === undefined) return undefined;
    return this.#run([nft, form === 'json' ? '-j' : '-a', '-t', 'list', 'ruleset'], { timeoutMs: READ_MS });
  }

  /**
   * Takes an nft table out, by default filter, that is as good as not there: no rules, no chains but the built-in
   * ones with the policy ACCEPT. Legacy tables cannot be taken out. Without the nft program it stays.
   */
  async dropIfEmpty(family: Family, table: TableName = 'filter'): Promise<void> {
    const nft = findTool('nft');
    if (this.backend.name !== 'nft' || nft === undefined || this.unreadIn(table).has(family)) return;
    if (!(await this.exists(family, table))) return; // a start that failed may not have got so far as to make it
    if (!isPristine(await this.#save(family, table), table)) return;
    await this.#run([nft, 'delete', 'table', protocol(family), table], {});
  }

  /**
   * Applies a transaction, whole or not at all; of those of two tables, one after the other. Where the last reading of a table came
   * by the second way, its own is made in two steps, what goes after what is made. An empty one is a fault of ours: the tools would
   * call it a success.
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

  /** True for a process of ours: what it changed we did. */
  isOwn(pid: number): boolean {
    return this.#own.has(pid);
  }

  #otherWay(): Readonly<Record<TableName, OtherWay>> | undefined {
    if (this.backend === NO_BACKEND) return undefined;
    const tool = (family: Family): string => this.backend.tools[family].save.replace(/-save$/, '');
    const common = {
      iptables: { 4: tool(4), 6: tool(6) },
      run: async (argv: readonly string[], input?: string): Promise<string> =>
        this.#run(argv, { timeoutMs: READ_MS, ...(input === undefined ? {} : { input }) }),
      restore: async (family: Family, text: string): Promise<void> => this.#restore(family, text),
    };
    const nft = this.backend.name === 'nft' ? findTool('nft') : undefined;
    const way = (table: TableName): OtherWay =>
      nft === undefined ? new ChainWay({ ...common, table }) : new NftWay({ ...common, nft, table });
    return { filter: way('filter'), mangle: way('mangle') };
  }

  async #run(argv: readonly string[], options: ExecOptions): Promise<string> {
    const spawned = (pid: number): void => {
      this.#own.add(pid);
      for (const oldest of this.#own) {
        if (this.#own.size <= REMEMBERED) break;
        this.#own.delete(oldest);
      }
    };
    try {
      return await execOk(this.#exec, argv, { timeoutMs: TIMEOUT_MS, ...options, spawned });
    } catch (error) {
      throw error instanceof CommandError ? explain(error) : error;
    }
  }
}

/** The transactions of each table in a text, in their order. */
function partsOf(text: string): { readonly table: TableName; readonly part: string }[] {
  return text
    .split(/^(?=\*)/m)
    .map((part) => ({ table: part.startsWith('*mangle\n') ? 'mangle' : 'filter', part }));
}
