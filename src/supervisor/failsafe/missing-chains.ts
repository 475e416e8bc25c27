import { WarnOnce } from '../../base/warn-once.js';
import type { MissingParentChain } from '../../firewall/rules/plan.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { missingChainNotes } from '../../runtime/generation/parent-chains.js';

/** Says once of each chain that it is not there; again where it was, and has gone. */
export class MissingParentChains {
  readonly #journal: Pick<Journal, 'record'>;
  readonly #once = new WarnOnce();

  constructor(journal: Pick<Journal, 'record'>) {
    this.#journal = journal;
  }

  check(awaited: readonly MissingParentChain[]): void {
    for (const text of this.#once.update(missingChainNotes(awaited)).begun)
      this.#journal.record('firewall', text, {}, 'warn');
  }
}
