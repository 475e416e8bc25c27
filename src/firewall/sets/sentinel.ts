import type { Family } from '../../base/address.js';
import { SET_LISTS } from '../../base/lists.js';
import { isFull } from './ipset-errors.js';
import { listSets } from './set-specs.js';

/**
 * When a rule adds the source to a set of networks, or deletes it, the kernel uses the network around the source with
 * the longest prefix that the set holds: with nothing but a /24 in the set, a knock would let in all 256 neighbours
 * (measured, kernel 6.18; an empty set takes the address alone). So while doors use a set, it holds a sentinel: an
 * address that can be no source, with `nomatch`, so that it matches nothing. The longest prefix is then a whole
 * address.
 */
const SENTINEL = { 4: '255.255.255.255', 6: 'ff00::' } as const;

/** The ipset line that makes additions by rules safe; may be repeated. */
export function sentinelLine(set: string, family: Family): string {
  return `add ${set} ${SENTINEL[family]} timeout 0 nomatch`;
}

/** Removes the sentinel from the output of `ipset save`: it is not an entry. */
export function withoutSentinel(saved: string): string {
  return saved.replace(/^add \S+ (?:255\.255\.255\.255|ff00::) [^"\n]*nomatch\b.*\n/m, '');
}

/**
 * The sentinels of all lists that rules add to. No rule deletes a sentinel. So a list without its sentinel was emptied
 * by another program, however few entries it had; a list with it was not, even if a knock has deleted its last entry.
 */
export class Sentinels {
  readonly #run: (line: string) => Promise<string>;
  #guarded: ReadonlySet<string> = new Set();
  /** Lists that had their sentinel at the last check. */
  readonly #present = new Set<string>();
  readonly #emptied = new Set<string>();

  /** `run` executes one line of ipset. */
  constructor(run: (line: string) => Promise<string>) {
    this.#run = run;
  }

  /** Sets the lists that the rules of doors add to from now on. */
  setGuarded(lists: ReadonlySet<string>): void {
    this.#guarded = lists;
  }

  has(set: string): boolean {
    return this.#guarded.has(set);
  }

  /**
   * Returns the line that a list needs before rules may add to it; empty if they do not. `as`: the list's current name.
   */
  lines(set: string, as = set): string[] {
    return this.has(set) ? [sentinelLine(as, familyOf(set))] : [];
  }

  /** Restores missing sentinels, in all lists or in these. */
  async ensure(sets: Iterable<string> = this.#guarded): Promise<void> {
    for (const set of sets) if (this.has(set)) await this.#ensureIn(set);
  }

  /** Removes the sentinel from a saved list, and records if it is missing. */
  strip(set: string, saved: string): string {
    const rest = withoutSentinel(saved);
    this.#recordCheck(set, rest !== saved);
    return rest;
  }

  /** Whether another program has emptied the list, as far as known; undefined if the list has no sentinel. */
  wasEmptied(set: string): boolean | undefined {
    return this.#isConclusive(set) ? this.#emptied.has(set) : undefined;
  }

  /** Marks an emptied list as handled. */
  markHandled(set: string): void {
    this.#emptied.delete(set);
  }

  /** Removes the sentinels of the other lists of these services, once no rule adds to them. */
  async remove(services: readonly string[]): Promise<void> {
    for (const service of services) {
      const lists = SET_LISTS.flatMap((list) => listSets(service, list));
      for (const { set, family } of lists.filter((list) => !this.has(list.set))) {
        this.#present.delete(set);
        await this.#run(`del ${set} ${SENTINEL[family]}`);
      }
    }
  }

  /** True if a missing sentinel means that another program emptied the list. */
  #isConclusive(set: string): boolean {
    return this.has(set) && this.#present.has(set);
  }

  #recordCheck(set: string, isPresent: boolean): void {
    if (!isPresent && this.#isConclusive(set)) this.#emptied.add(set);
  }

  async #ensureIn(set: string): Promise<void> {
    const answer = await this.#run(`test ${set} ${SENTINEL[familyOf(set)]} nomatch`);
    const isPresent = answer.includes(' is in set ');
    this.#recordCheck(set, isPresent);
    try {
      if (!isPresent) await this.#run(sentinelLine(set, familyOf(set)));
      this.#present.add(set);
    } catch (error) {
      this.#present.delete(set);
      if (!isFull(error)) throw error; // rules cannot add to a full list either
    }
  }
}

function familyOf(set: string): Family {
  return set.endsWith('6') ? 6 : 4;
}
