import type { Family } from '../../base/address.js';
import { commands, findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import { nftItems, parseListing, protocol, type ListedRule, type Listing } from './nft-listing.js';
import { byHandles, newJumps, toRestore } from './nft-transaction.js';
import { labelOf, type FallbackReading, type FallbackReader } from './otherwise.js';
import type { TableName } from '../model/table-name.js';

interface NftReaderParts {
  /** Path of nft(8). */
  readonly nft: string;
  /** The iptables(8) of the nft back end, by path. Unlike iptables-save, it can print one chain or one rule. */
  readonly iptables: Readonly<Record<Family, string>>;
  /** Runs a command, and returns its output. Rejects if it fails. */
  readonly run: (argv: readonly string[], input?: string) => Promise<string>;
  /** Applies a transaction that deletes no rule by its text. */
  readonly restore: (family: Family, text: string) => Promise<void>;
  /** The table to read. */
  readonly table: TableName;
}

/**
 * Reads knockctl's rules with nft(8), for when iptables-nft-save fails: nft lists any table, and identifies each rule
 * by a handle. nft 1.0.6 shows an iptables rule only in part (of a match, no more than its name), so the rule texts
 * come from elsewhere: from an earlier save, as long as nft's listing is the same (no iptables program needed);
 * otherwise from `iptables-nft -S CHAIN` and `-S CHAIN NUMBER`, which read no other chain and no other rule (measured,
 * 1.8.9).
 */
export class NftReader implements FallbackReader {
  readonly name = 'nft';
  readonly #parts: NftReaderParts;
  /** Rule texts by nft's listing: those of a whole chain, or of one jump. */
  readonly #known = new Map<string, readonly string[]>();
  /** The texts learned last, by family: learning costs a process. */
  readonly #learned = new Map<Family, string>();

  constructor(parts: NftReaderParts) {
    this.#parts = parts;
  }

  /** Whether the table exists. */
  async exists(family: Family): Promise<boolean> {
    return (await this.#table(family)) !== undefined;
  }

  async #table(family: Family): Promise<unknown> {
    const { nft, run } = this.#parts;
    const items = nftItems(await run([nft, '-j', 'list', 'tables', protocol(family)]));
    return items.map(({ table }) => table).find((table) => isNamed(table, this.#parts.table));
  }

  /**
   * Records nft's listing of the rules that a save has just printed, so that their texts are known if a later save
   * fails.
   */
  async learn(family: Family, ruleset: Ruleset, isOwn: (name: string) => boolean): Promise<void> {
    const table = findTable(ruleset, this.#parts.table);
    if (table === undefined) return;
    const all = commands(table);
    const isJump = (target: string | undefined, chain = ''): boolean =>
      target !== undefined && isOwn(target) && !isOwn(chain);
    const own = all.filter(({ chain = '', text }) => isOwn(chain) || isOwn(text));
    const words = own.map(({ text }) => text).join('\n');
    if (this.#learned.get(family) === words) return;
    const listing = await this.#list(family);
    for (const { name } of listing.chains.filter((chain) => isOwn(chain.name))) {
      const listed = listing.rules.filter(({ chain }) => chain === name);
      const printed = rulesOf(table, name);
      if (listed.length === printed.length)
        this.#known.set(
          chainKey(family, name, listed),
          printed.map(({ text }) => text),
        );
    }
    for (const { name } of listing.chains.filter((chain) => !isOwn(chain.name))) {
      const listed = listing.rules.filter(({ chain, target }) => chain === name && isJump(target, chain));
      const printed = own.filter(({ chain, target }) => chain === name && isJump(target?.name, chain));
      if (listed.length !== printed.length) continue; // another program changed the rules meanwhile
      for (const [index, rule] of listed.entries())
        this.#known.set(ruleKey(family, rule), [printed[index]?.text ?? '']);
    }
    this.#learned.set(family, words);
  }

  async read(family: Family, isOwn: (name: string) => boolean): Promise<FallbackReading> {
    const listing = (await this.exists(family)) ? await this.#list(family) : { chains: [], rules: [] };
    const own = listing.chains.filter(({ name }) => isOwn(name));
    const read = await Promise.all(own.map(async ({ name }) => this.#chain(family, name, listing)));
    if (own.length > 0 && read.every((rules) => rules === undefined))
      throw new Error("iptables shows none of knockctl's chains, and nft's listing of them is unknown");
    const texts = read.map((rules, index) => rules ?? unknown(own[index]?.name ?? '', listing));
    const leading = listing.rules.filter(
      ({ chain, target }) => target !== undefined && isOwn(target) && !isOwn(chain),
    );
    const jumps = await Promise.all(leading.map(async (rule) => this.#jump(family, rule)));
    const handles = jumps.map((text, index) => ({ text, handle: leading[index]?.handle ?? 0 }));
    const chainLines = listing.chains.map(({ name, policy = '-' }) => `:${name} ${policy} [0:0]`);
    const counts = listing.rules.filter(({ packets }) => packets !== undefined);
    return {
      text: [`*${this.#parts.table}`, ...chainLines, ...texts.flat(), ...jumps, 'COMMIT', ''].join('\n'),
      counts: new Map(counts.map(({ chain, packets = 0 }) => [chain, packets])),
      apply: async (text) => this.#apply(family, text, handles, isOwn),
    };
  }

  /**
   * Adds rules with iptables-restore, then deletes with nft. Each step is atomic, and in between the host is never less
   * protected than before.
   */
  async #apply(
    family: Family,
    text: string,
    handles: readonly { readonly text: string; readonly handle: number }[],
    isOwn: (name: string) => boolean,
  ): Promise<void> {
    const { nft, run, restore, table } = this.#parts;
    const adds = toRestore(text, table);
    const goes = byHandles(text, protocol(family), table, handles);
    if (adds !== '') {
      const before = new Set(handles.map(({ handle }) => handle));
      await restore(family, adds);
      const listing = await this.#list(family);
      const fresh = listing.rules.filter(
        ({ chain, target = '', handle }) => isOwn(target) && !isOwn(chain) && !before.has(handle),
      );
      for (const { rule, text: words } of newJumps(text, fresh))
        this.#known.set(ruleKey(family, rule), [words]);
    }
    if (goes !== '') await run([nft, '-f', '-'], goes);
  }

  async #list(family: Family): Promise<Listing> {
    const { nft, run, table } = this.#parts;
    return parseListing(await run([nft, '-j', '-a', '-t', 'list', 'table', protocol(family), table]));
  }

  /**
   * Returns the rule texts of one of knockctl's chains; undefined if they are unknown, for example because an nft rule
   * was added to it.
   */
  async #chain(family: Family, chain: string, { rules }: Listing): Promise<readonly string[] | undefined> {
    const listed = rules.filter((rule) => rule.chain === chain);
    const key = chainKey(family, chain, listed);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const printed = await this.#ask(family, chain);
    if (printed?.length !== listed.length) return undefined;
    this.#known.set(key, printed);
    return printed;
  }

  /** Returns the text of a jump to one of knockctl's chains; if it is unknown, a unique placeholder. */
  async #jump(family: Family, rule: ListedRule): Promise<string> {
    const known = this.#known.get(ruleKey(family, rule))?.[0];
    if (known !== undefined) return known;
    const { chain, number, target = '', handle, hasComment } = rule;
    const printed = (await this.#ask(family, chain, number))?.[0];
    if (printed?.includes(target) === true) {
      this.#known.set(ruleKey(family, rule), [printed]);
      return printed;
    }
    const comment = hasComment ? `-m comment --comment "knockctl:${labelOf(target)}" ` : '';
    return `-A ${chain} ${comment}-m comment --comment "nft handle ${handle}" -j ${target}`;
  }

  async #ask(family: Family, chain: string, number?: number): Promise<readonly string[] | undefined> {
    const { iptables, run, table } = this.#parts;
    try {
      const which = number === undefined ? [] : [String(number)];
      const text = await run([iptables[family], '-t', table, '-S', chain, ...which]);
      return text.split('\n').filter((line) => line.startsWith('-A '));
    } catch {
      return undefined; // an nft rule is in the chain, or iptables does not work at all
    }
  }
}

/** Placeholder texts that match no desired rule, so that the chain counts as changed. */
function unknown(chain: string, { rules }: Listing): string[] {
  const listed = rules.filter((rule) => rule.chain === chain);
  return listed.map(({ handle }) => `-A ${chain} -m comment --comment "nft handle ${handle}"`);
}

function chainKey(family: Family, chain: string, listed: readonly ListedRule[]): string {
  return [family, chain, ...listed.map(({ form }) => form)].join('\n');
}

function ruleKey(family: Family, { chain, target = '', form }: ListedRule): string {
  return [family, 'jump', chain, target, form].join('\n');
}

function isNamed(value: unknown, name: string): boolean {
  return typeof value === 'object' && value !== null && 'name' in value && value.name === name;
}
