import { EXIT, KnockError } from '../../base/errors.js';
import type { Generation } from './generation.js';

/**
 * The generation in force: the one cell of the supervisor that a reload changes. Whoever works with a generation, its firewall or
 * its settings takes them from here when they are needed, and never keeps them.
 */
export class ActiveGeneration {
  #current: Generation | undefined;
  readonly #listeners: ((generation: Generation) => void)[] = [];

  /** Throws KnockError before the first generation. */
  get current(): Generation {
    if (this.#current === undefined)
      throw new KnockError('the supervisor is not running yet', { exitCode: EXIT.busy });
    return this.#current;
  }

  /** The same; undefined before the first generation. */
  get ifAny(): Generation | undefined {
    return this.#current;
  }

  /** Puts another generation in the place of the current one. */
  swap(next: Generation): void {
    this.#current = next;
  }

  /** Asks to be told of each generation once all of it is in force. */
  onApplied(listener: (generation: Generation) => void): void {
    this.#listeners.push(listener);
  }

  /** All of the current generation is in force: tells those who asked, in the order in which they did. */
  applied(): void {
    for (const listener of this.#listeners) listener(this.current);
  }
}
