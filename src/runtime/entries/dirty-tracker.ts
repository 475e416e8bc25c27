import type { SetChange } from '../../firewall/sets/persistence-port.js';

interface Generation {
  /** The networks that went in or out. */
  readonly touched: Set<string>;
  /** All went out, by our own hand. */
  readonly emptied: boolean;
}

/**
 * What we ourselves have changed in a set since its file was written: of the rest the file can tell what was there.
 * Pure.
 */
export class DirtyTracker {
  #current: Generation = fresh();
  /** Those that a file which is being written already shows. */
  #saving: Generation = fresh();

  /** True where a file would now say something else. */
  get any(): boolean {
    return this.emptied || this.#current.touched.size + this.#saving.touched.size > 0;
  }

  get emptied(): boolean {
    return this.#current.emptied || this.#saving.emptied;
  }

  markChanged(change: SetChange): void {
    if (change.kind === 'empty') this.#current = { touched: new Set(), emptied: true };
    else if (change.kind === 'add')
      for (const { network } of change.entries) this.#current.touched.add(network.text);
    else for (const { text } of change.networks) this.#current.touched.add(text);
  }

  /** True where the file's word about a network is out of date. */
  touched(text: string): boolean {
    return this.emptied || this.#current.touched.has(text) || this.#saving.touched.has(text);
  }

  /** The set has been read, for a file. */
  read(): void {
    this.#merge();
    this.#saving = this.#current;
    this.#current = fresh();
  }

  /** The file is written. */
  saved(): void {
    this.#saving = fresh();
  }

  /** It could not be. */
  failed(): void {
    this.#merge();
  }

  /**
   * True where a set that held `before` entries when its file was written, and holds `now`, may have been emptied by
   * somebody else: what is left can be all our own additions.
   */
  markEmptied(before: number, now: number): boolean {
    return before > 0 && !this.emptied && now <= this.#current.touched.size + this.#saving.touched.size;
  }

  #merge(): void {
    const { touched, emptied } = this.#saving;
    const all = this.#current.emptied
      ? this.#current.touched
      : new Set([...touched, ...this.#current.touched]);
    this.#current = { touched: all, emptied: emptied || this.#current.emptied };
    this.#saving = fresh();
  }
}

function fresh(): Generation {
  return { touched: new Set(), emptied: false };
}
