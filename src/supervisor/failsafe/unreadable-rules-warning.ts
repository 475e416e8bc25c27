import type { Family } from '../../base/address.js';
import type { Journal } from '../../runtime/journal/journal.js';

/** Tells once that the rules of a family cannot be read as usual, and once that they can again. */
export class UnreadableRulesWarning {
  readonly #journal: Pick<Journal, 'record'>;
  #told: ReadonlyMap<Family, string> = new Map();

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  /** After a look that found our rules whole, or put them right. `culprit`: the last program that was seen to change rules. */
  update(unread: ReadonlyMap<Family, string>, culprit: string | undefined): void {
    for (const [family, why] of unread) {
      if (this.#told.has(family)) continue;
      const by = culprit === undefined ? '' : `; the last to change rules was ${culprit}`;
      const text = `IPv${family}: rules of others cannot be read (${why}${by}); ours are read by another way, and kept (knockctl doctor names what is in the way)`;
      this.#journal.record('rules', text, { family }, 'warn');
    }
    for (const family of this.#told.keys()) {
      if (!unread.has(family))
        this.#journal.record('rules', `IPv${family}: all rules can be read again`, { family }, 'info');
    }
    this.#told = new Map(unread);
  }
}
