import type { MissingParentChain } from '../../firewall/rules/plan.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { missingChainNotes } from '../../runtime/generation/parent-chains.js';

/** Says once of each chain that it is not there; again where it was, and has gone. */
export class MissingParentChains {
  readonly #journal: Pick<Journal, 'record'>;
  #told: readonly string[] = [];

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  check(awaited: readonly MissingParentChain[]): void {
    const notes = missingChainNotes(awaited);
    for (const text of notes) {
      if (!this.#told.includes(text)) this.#journal.record('firewall', text, {}, 'warn');
    }
    this.#told = notes;
  }
}
