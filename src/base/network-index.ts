import { addressBits, addressBytes, type Family, type Network } from './address.js';

/** An index of items with a network, for fast lookups of an item that overlaps another network. */
export class NetworkIndex<T extends { readonly network: Network }> {
  readonly #all: readonly T[];
  /** Items by family, prefix length and network bits. */
  readonly #exact: Readonly<Record<Family, ReadonlyMap<number, ReadonlyMap<string, T>>>>;
  /** The items within a network of that prefix length; built on demand. */
  readonly #within: Readonly<Record<Family, Map<number, ReadonlyMap<string, T>>>> = {
    4: new Map(),
    6: new Map(),
  };

  constructor(all: readonly T[]) {
    this.#all = all;
    this.#exact = { 4: this.#byPrefix(4), 6: this.#byPrefix(6) };
  }

  /** Returns an item that overlaps the network; undefined if there is none. */
  overlapping(network: Network): T | undefined {
    const { family, prefix } = network;
    if (this.#exact[family].size === 0) return undefined;
    const bytes = addressBytes(network);
    for (const [length, some] of this.#exact[family]) {
      const found = length <= prefix ? some.get(bitsOf(bytes, length)) : undefined;
      if (found !== undefined) return found;
    }
    return prefix === addressBits(family)
      ? undefined
      : this.#inside(family, prefix).get(bitsOf(bytes, prefix));
  }

  #byPrefix(family: Family): ReadonlyMap<number, ReadonlyMap<string, T>> {
    const maps = new Map<number, Map<string, T>>();
    for (const one of this.#all) {
      const { prefix } = one.network;
      if (one.network.family !== family) continue;
      const some = maps.get(prefix) ?? new Map<string, T>();
      maps.set(prefix, some.set(bitsOf(addressBytes(one.network), prefix), one));
    }
    return maps;
  }

  #inside(family: Family, prefix: number): ReadonlyMap<string, T> {
    const cached = this.#within[family].get(prefix);
    if (cached !== undefined) return cached;
    const longer = this.#all.filter(({ network }) => network.family === family && network.prefix > prefix);
    const fresh = new Map(longer.map((one) => [bitsOf(addressBytes(one.network), prefix), one]));
    this.#within[family].set(prefix, fresh);
    return fresh;
  }
}

/** Returns the first bits of an address as a map key. */
function bitsOf(bytes: readonly number[], bits: number): string {
  const whole = bits >> 3;
  const rest = bits & 7;
  const key = bytes.slice(0, whole);
  if (rest > 0) key.push((bytes[whole] ?? 0) & (0xff00 >> rest) & 0xff);
  return String.fromCharCode(...key);
}
