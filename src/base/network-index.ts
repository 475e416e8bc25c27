import { addressBits, addressBytes, type Family, type Network } from './address.js';

/** Things that are about a network each, in a form that tells quickly which of them has an address in common with another network. */
export class NetworkIndex<T extends { readonly network: Network }> {
  readonly #all: readonly T[];
  /** By family and prefix length, by the bits of the network. */
  readonly #exact: Readonly<Record<Family, ReadonlyMap<number, ReadonlyMap<string, T>>>>;
  /** The same of all that are within a network of that prefix length; made when it is asked for. */
  readonly #within: Readonly<Record<Family, Map<number, ReadonlyMap<string, T>>>> = {
    4: new Map(),
    6: new Map(),
  };

  constructor(all: readonly T[]) {
    this.#all = all;
    this.#exact = { 4: this.#byPrefix(4), 6: this.#byPrefix(6) };
  }

  /** One that has an address in common with the network; undefined where none has. */
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
    const made = this.#within[family].get(prefix);
    if (made !== undefined) return made;
    const longer = this.#all.filter(({ network }) => network.family === family && network.prefix > prefix);
    const fresh = new Map(longer.map((one) => [bitsOf(addressBytes(one.network), prefix), one]));
    this.#within[family].set(prefix, fresh);
    return fresh;
  }
}

/** The first bits of an address, as the key of a map. */
function bitsOf(bytes: readonly number[], bits: number): string {
  const whole = bits >> 3;
  const rest = bits & 7;
  const key = bytes.slice(0, whole);
  if (rest > 0) key.push((bytes[whole] ?? 0) & (0xff00 >> rest) & 0xff);
  return String.fromCharCode(...key);
}
