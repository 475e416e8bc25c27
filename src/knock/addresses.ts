import type { Network } from '../base/address.js';
import { type AddressWords, addressWords, sameAddress } from './packet.js';

/** A set of single addresses, such as the host's own, with lookups that allocate nothing. */
export class AddressSet {
  // Indexed by the last word, which own addresses rarely share.
  readonly #byLastWord = new Map<number, AddressWords[]>();

  constructor(addresses: readonly Network[]) {
    for (const address of addresses) {
      const words = addressWords(address);
      const same = this.#byLastWord.get(words.w3);
      if (same === undefined) this.#byLastWord.set(words.w3, [words]);
      else same.push(words);
    }
  }

  has(address: AddressWords): boolean {
    const candidates = this.#byLastWord.get(address.w3);
    if (candidates === undefined) return false;
    for (const candidate of candidates) if (sameAddress(candidate, address)) return true;
    return false;
  }
}
