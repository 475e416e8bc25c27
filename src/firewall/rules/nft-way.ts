import type { Family } from '../../base/address.js';
import { commands, findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Ruleset } from '../../iptables-parser/document.js';
import { nftItems, parseListing, protocol, type ListedRule, type Listing } from './nft-listing.js';
import { byHandles, newJumps, toRestore } from './nft-transaction.js';
import { labelOf, type OtherReading, type OtherWay } from './otherwise.js';
import type { TableName } from '../model/table-name.js';

interface NftWayParts {
  /** Path of nft(8). */
  readonly nft: string;
  /** Paths of iptables(8) of the nft back end: without a word about a whole table it shows one chain, and one rule. */
  readonly iptables: Readonly<Record<Family, string>>;
  /** Runs a command that must succeed, and gives what it printed. */
  readonly run: (argv: readonly string[], input?: string) => Promise<string>;
  /** Carries a transaction out that takes no rule out by what it looks like. */
  readonly restore: (family: Family, text: string) => Promise<void>;
  /** The table that is read. */
  readonly table: TableName;
}

/**
 * Our rules by nft(8), for when iptables-nft-save does not tell them: nft lists any table, and knows each rule by a handle.
 * What a rule of iptables says nft 1.0.6 shows in part only (of a match no more than its name), so the words come from elsewhere: from a
 * save of before, as long as nft shows the same (so no program of iptables is needed); else from `iptables-nft -S CHAIN`
 * and `-S CHAIN NUMBER`, which look at no other chain and no other rule (measured, 1.8.9).
 */
export class NftWay implements OtherWay {
  readonly name = 'nft';
  readonly #parts: NftWayParts;
  /** Words of our rules by what nft shows of them: those of a whole chain, or of one jump. */
  readonly #known = new Map<string, readonly string[]>();
  /** What was learned last, by family: to learn it again costs a process. */
  readonly #learned = new Map<Family, string>();

  constructor(parts: NftWayParts) {
    this.#parts = parts;
  }

  /** Whether the table is there. */
  async exists(family: Family): Promise<boolean> {
    return (await this.#table(family)) !== undefined;
  }

  async #table(family: Family): Promise<unknown> {
    const { nft, run } = this.#parts;
    const items = nftItems(await run([nft, '-j', 'list', 'tables', protocol(family)]));
    return items.map(({ table }) => table).find((table) => isNamed(table, this.#parts.table));
  }

  /** Notes how nft shows rules that a save has just told, so that they are known when none can be had. */
  async learn(family: Family, ruleset: Ruleset, mine: (name: string) => boolean): Promise<void> {
    const table = findTable(ruleset, this.#parts.table);
    if (table === undefined) return;
    const all = commands(table);
    const isJump = (target: string | undefined, chain = ''): boolean =>
      target !== undefined && mine(target) && !mine(chain);
    const ours = all.filter(({ chain = '', text }) => mine(chain) || mine(text));
    const words = ours.map(({ text }) => text).join('\n');
    if (this.#learned.get(family) === words) return;
    const listing = await this.#list(family);
    for (const { name } of listing.chains.filter((chain) => mine(chain.name))) {
      const listed = listing.rules.filter(({ chain }) => chain === name);
      const told = rulesOf(table, name);
      if (listed.length === told.length)
        this.#known.set(
          chainKey(family, name, listed),
          told.map(({ text }) => text),
        );
    }
    for (const { name } of listing.chains.filter((chain) => !mine(chain.name))) {
      const listed = listing.rules.filter(({ chain, target }) => chain === name && isJump(target, chain));
      const told = ours.filter(({ chain, target }) => chain === name && isJump(target?.name, chain));
      if (listed.length !== told.length) continue; // somebody came between
      for (const [index, rule] of listed.entries())
        this.#known.set(ruleKey(family, rule), [told[index]?.text ?? '']);
    }
    this.#learned.set(family, words);
  }

  async read(family: Family, mine: (name: string) => boolean): Promise<OtherReading> {
    const listing = (await this.exists(family)) ? await this.#list(family) : { chains: [], rules: [] };
    const own = listing.chains.filter(({ name }) => mine(name));
    const read = await Promise.all(own.map(async ({ name }) => this.#chain(family, name, listing)));
    if (own.length > 0 && read.every((rules) => rules === undefined))
      throw new Error('iptables shows none of our chains, and what nft shows of them was not seen before');
    const texts = read.map((rules, index) => rules ?? unknown(own[index]?.name ?? '', listing));
    const leading = listing.rules.filter(
      ({ chain, target }) => target !== undefined && mine(target) && !mine(chain),
    );
    const jumps = await Promise.all(leading.map(async (rule) => this.#jump(family, rule)));
    const handles = jumps.map((text, index) => ({ text, handle: leading[index]?.handle ?? 0 }));
    const chainLines = listing.chains.map(({ name, policy = '-' }) => `:${name} ${policy} [0:0]`);
    const counts = listing.rules.filter(({ packets }) => packets !== undefined);
    return {
      text: [`*${this.#parts.table}`, ...chainLines, ...texts.flat(), ...jumps, 'COMMIT', ''].join('\n'),
      counts: new Map(counts.map(({ chain, packets = 0 }) => [chain, packets])),
      apply: async (text) => this.#apply(family, text, handles, mine),
    };
  }

  /** New rules by iptables-restore, and after them what goes, by nft: each whole or not at all, and never less than before in between. */
  async #apply(
    family: Family,
    text: string,
    handles: readonly { readonly text: string; readonly handle: number }[],
    mine: (name: string) => boolean,
  ): Promise<void> {
    const { nft, run, restore, table } = this.#parts;
    const adds = toRestore(text, table);
    const goes = byHandles(text, protocol(family), table, handles);
    if (adds !== '') {
      const before = new Set(handles.map(({ handle }) => handle));
      await restore(family, adds);
      const listing = await this.#list(family);
      const fresh = listing.rules.filter(
        ({ chain, target = '', handle }) => mine(target) && !mine(chain) && !before.has(handle),
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

  /** The words of a chain of ours; undefined where nothing tells them, as of one that somebody put a rule of nft into. */
  async #chain(family: Family, chain: string, { rules }: Listing): Promise<readonly string[] | undefined> {
    const listed = rules.filter((rule) => rule.chain === chain);
    const key = chainKey(family, chain, listed);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const told = await this.#ask(family, chain);
    if (told?.length !== listed.length) return undefined;
    this.#known.set(key, told);
    return told;
  }

  /** The words of a rule that leads to a chain of ours; such as are like no other where nothing tells them. */
  async #jump(family: Family, rule: ListedRule): Promise<string> {
    const known = this.#known.get(ruleKey(family, rule))?.[0];
    if (known !== undefined) return known;
    const { chain, number, target = '', handle, hasComment } = rule;
    const told = (await this.#ask(family, chain, number))?.[0];
    if (told?.includes(target) === true) {
      this.#known.set(ruleKey(family, rule), [told]);
      return told;
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
      return undefined; // a rule of nft stands in it, or the program does not work at all
    }
  }
}

/** Words that no rule of ours has: whoever compares finds the chain changed. */
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
