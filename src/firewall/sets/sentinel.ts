import type { Family } from '../../base/address.js';
import { SET_LISTS } from '../../base/lists.js';
import { isFull } from './ipset-errors.js';
import { listSets } from './set-specs.js';

/**
 * What a rule adds to a set of networks, or takes out of it, is the network around the source with the longest prefix
 * that the set holds: with nothing but a /24 in it, a knock would let all 256 neighbours in (measured, kernel 6.18; with
 * an empty set it is the address alone). So while doors act on a set, it holds an address that can be no source, and
 * with `nomatch`, that matches nothing: a whole address then is the longest prefix there is.
 */
const SENTINEL = { 4: '255.255.255.255', 6: 'ff00::' } as const;

/** The line for ipset that makes additions by rules safe; as often as one likes. */
export function sentinelLine(set: string, family: Family): string {
  return `add ${set} ${SENTINEL[family]} timeout 0 nomatch`;
}

/** What `ipset save` prints of a set, without its sentinel: that is no entry of anybody's. */
export function withoutSentinel(saved: string): string {
  return saved.replace(/^add \S+ (?:255\.255\.255\.255|ff00::) [^"\n]*nomatch\b.*\n/m, '');
}

/**
 * The sentinels of all lists that rules add to. No rule takes one out: so a list that has lost its own was emptied by
 * somebody, however few entries it had, and one that has it was not, although a knock has taken its last entry out.
 */
export class Sentinels {
  readonly #run: (line: string) => Promise<string>;
  #guarded: ReadonlySet<string> = new Set();
  /** Lists that had theirs when we last looked. */
  readonly #standing = new Set<string>();
  readonly #emptied = new Set<string>();

  /** `run` carries out one line for ipset. */
  constructor(run: (line: string) => Promise<string>) {
    this.#run = run;
  }

  /** From now on the rules of doors add to these lists. */
  guard(lists: ReadonlySet<string>): void {
    this.#guarded = lists;
  }

  has(set: string): boolean {
    return this.#guarded.has(set);
  }

  /** The line that a list needs before rules may add to it; none where they do not. `as`: what it is called now. */
  lines(set: string, as = set): string[] {
    return this.has(set) ? [sentinelLine(as, familyOf(set))] : [];
  }

  /** Sees to it that rules add whole addresses, to all lists or to one. */
  async look(sets: Iterable<string> = this.#guarded): Promise<void> {
    for (const set of sets) if (this.has(set)) await this.#lookAt(set);
  }

  /** What `ipset save` printed of a list, without its sentinel; where that is gone, it is noted. */
  leaveOut(set: string, saved: string): string {
    const rest = withoutSentinel(saved);
    this.#found(set, rest !== saved);
    return rest;
  }

  /** Whether somebody else has emptied the list, as far as anybody looked; undefined where it has no sentinel to tell. */
  emptied(set: string): boolean | undefined {
    return this.#tells(set) ? this.#emptied.has(set) : undefined;
  }

  /** What had to be done about it is done. */
  settled(set: string): void {
    this.#emptied.delete(set);
  }

  /** Once no rule adds to the other lists of these services any more: takes theirs out. */
  async drop(services: readonly string[]): Promise<void> {
    for (const service of services) {
      const lists = SET_LISTS.flatMap((list) => listSets(service, list));
      for (const { set, family } of lists.filter((list) => !this.has(list.set))) {
        this.#standing.delete(set);
        await this.#run(`del ${set} ${SENTINEL[family]}`);
      }
    }
  }

  /** True where a list that is without its sentinel was emptied by somebody. */
  #tells(set: string): boolean {
    return this.has(set) && this.#standing.has(set);
  }

  #found(set: string, stands: boolean): void {
    if (!stands && this.#tells(set)) this.#emptied.add(set);
  }

  async #lookAt(set: string): Promise<void> {
    const answer = await this.#run(`test ${set} ${SENTINEL[familyOf(set)]} nomatch`);
    const stands = answer.includes(' is in set ');
    this.#found(set, stands);
    try {
      if (!stands) await this.#run(sentinelLine(set, familyOf(set)));
      this.#standing.add(set);
    } catch (error) {
      this.#standing.delete(set);
      if (!isFull(error)) throw error; // a list that is full takes nothing from rules either
    }
  }
}

function familyOf(set: string): Family {
  return set.endsWith('6') ? 6 : 4;
}
