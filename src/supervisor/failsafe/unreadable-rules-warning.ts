import type { Family } from '../../base/address.js';
import { WarnOnce } from '../../base/warn-once.js';
import type { Journal } from '../../runtime/journal/journal.js';

/** Tells once that the rules of a family cannot be read as usual, and once that they can again. */
export class UnreadableRulesWarning {
  readonly #journal: Pick<Journal, 'record'>;
  readonly #once = new WarnOnce<Family>();

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  /** After a look that found our rules whole, or put them right. `culprit`: the last program that was seen to change rules. */
  update(unread: ReadonlyMap<Family, string>, culprit: string | undefined): void {
    const { begun, over } = this.#once.update(unread.keys());
    for (const family of begun) {
      const by = culprit === undefined ? '' : `; the last to change rules was ${culprit}`;
      const text = `IPv${family}: rules of others cannot be read (${unread.get(family) ?? ''}${by}); ours are read by another way, and kept (knockctl doctor names what is in the way)`;
      this.#journal.record('rules', text, { family }, 'warn');
    }
    for (const family of over)
      this.#journal.record('rules', `IPv${family}: all rules can be read again`, { family }, 'info');
  }
}
