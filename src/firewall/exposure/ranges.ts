/** Sets of numbers, such as addresses or ports, as ranges. Pure. */
import { addressBits, addressBytes, parseKernelNetwork, type Family } from '../../base/address.js';

/** From `first` to `last`, both included. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** In order; no two of them overlap. */
export type Ranges = readonly Range[];

/** Every address of a family. */
export function allAddresses(family: Family): Ranges {
  return [{ first: 0n, last: (1n << BigInt(addressBits(family))) - 1n }];
}

/** A network, as iptables-save prints it; undefined if it is none of this family: a mask with holes, for example. */
export function networkRanges(text: string, family: Family): Ranges | undefined {
  const parsed = parseKernelNetwork(withPrefix(text));
  if (!parsed.ok || parsed.value.family !== family) return undefined;
  const first = toNumber(addressBytes(parsed.value));
  return [{ first, last: first + (1n << BigInt(addressBits(family) - parsed.value.prefix)) - 1n }];
}

/** Both ends of an address range of `-m iprange`; undefined if they are none of this family. */
export function addressRange(text: string, family: Family): Ranges | undefined {
  const [low = '', high = low] = text.split('-');
  const [first, last] = [networkRanges(low, family)?.[0], networkRanges(high, family)?.[0]];
  if (first === undefined || last === undefined || first.first > last.first) return undefined;
  return [{ first: first.first, last: last.first }];
}

/** How many there are. */
export function sizeOf(ranges: Ranges): bigint {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
}

/** What is in both. `small` is best the one with fewer ranges: each of its ranges is looked up in the other. */
export function intersect(ranges: Ranges, small: Ranges): Ranges {
  const result: Range[] = [];
  for (const { first, last } of small) {
    for (let at = firstEndingFrom(ranges, first); at < ranges.length; at += 1) {
      const range = ranges[at];
      if (range === undefined || range.first > last) break;
      result.push({ first: max(range.first, first), last: min(range.last, last) });
    }
  }
  return result;
}

/** What is in `ranges` and not in `small`. */
export function subtract(ranges: Ranges, small: Ranges): Ranges {
  let result = ranges;
  for (const hole of small) {
    const from = firstEndingFrom(result, hole.first);
    let to = from;
    const kept: Range[] = [];
    for (; to < result.length; to += 1) {
      const range = result[to];
      if (range === undefined || range.first > hole.last) break;
      if (range.first < hole.first) kept.push({ first: range.first, last: hole.first - 1n });
      if (range.last > hole.last) kept.push({ first: hole.last + 1n, last: range.last });
    }
    if (to > from) result = [...result.slice(0, from), ...kept, ...result.slice(to)];
  }
  return result;
}

/** What is in one of them. */
export function union(one: Ranges, other: Ranges): Ranges {
  const result: Range[] = [];
  const all = [...one, ...other].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  for (const range of all) {
    const before = result.at(-1);
    if (before === undefined || before.last + 1n < range.first) result.push(range);
    else if (before.last < range.last) result[result.length - 1] = { first: before.first, last: range.last };
  }
  return result;
}

/** As networks, at most `most` of them; undefined if there are more. */
export function networksOf(ranges: Ranges, family: Family, most: number): string[] | undefined {
  const bits = addressBits(family);
  const result: string[] = [];
  for (const { first, last } of ranges) {
    for (let at = first; at <= last;) {
      if (result.length === most) return undefined;
      let host = 0;
      while (
        host < bits &&
        at % (1n << BigInt(host + 1)) === 0n &&
        at + (1n << BigInt(host + 1)) - 1n <= last
      )
        host += 1;
      result.push(printed(at, bits - host, family));
      at += 1n << BigInt(host);
    }
  }
  return result;
}

function printed(address: bigint, prefix: number, family: Family): string {
  const bits = addressBits(family);
  const byte = (index: number): number => Number((address >> BigInt(bits - 8 * (index + 1))) & 0xffn);
  const bytes = Array.from({ length: bits / 8 }, (_, index) => byte(index));
  const literal =
    family === 4
      ? bytes.join('.')
      : Array.from({ length: 8 }, (_, index) =>
          (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
        ).join(':');
  const parsed = parseKernelNetwork(`${literal}/${prefix}`);
  return parsed.ok ? parsed.value.text : `${literal}/${prefix}`;
}

/** The index of the first range that ends at `value` or behind it. */
function firstEndingFrom(ranges: Ranges, value: bigint): number {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ranges[middle]?.last ?? 0n) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `10.0.0.0/255.0.0.0` as `10.0.0.0/8`. */
function withPrefix(text: string): string {
  const [address = '', mask] = text.split('/');
  if (mask === undefined || !/[.:]/.test(mask)) return text;
  const parsed = parseKernelNetwork(mask);
  if (!parsed.ok) return '';
  const bits = addressBits(parsed.value.family);
  const zeros = toNumber(addressBytes(parsed.value)) ^ ((1n << BigInt(bits)) - 1n);
  if ((zeros & (zeros + 1n)) !== 0n) return ''; // a mask with holes
  return `${address}/${bits - (zeros === 0n ? 0 : zeros.toString(2).length)}`;
}

function toNumber(bytes: readonly number[]): bigint {
  return bytes.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n);
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
