import { hashAddress, type HashKey } from './hash.js';
import type { AddressWords, Packet } from './packet.js';

/** The number that means no attempt. */
export const NONE = 0;

// The fields of a record, in 32-bit words. The start time is a 64-bit float in the last two.
const SOURCE = 0;
const DOOR = 4;
/** The steps done; 0 if the record is free. */
const STAGE = 5;
const SOURCE_PORT = 6;
const SEQUENCE = 7;
/**
 * Neighbours in the chain of a hash bucket: the number of the previous record, the link to the next one; free records
 * are linked by number.
 */
const CHAIN_PREVIOUS = 8;
const CHAIN_NEXT = 9;
/** Neighbours in the order of age. */
const OLDER = 10;
const NEWER = 11;
const START = 12;
const SIZE = 14;

/** Attempts in order of age: one list for stage 1, one for later stages. */
interface Ages {
  readonly limit: number;
  count: number;
  oldest: number;
  newest: number;
}

/**
 * Stores all attempts under way, by source; each has a number from 1. The records are in one typed array, so memory is
 * bounded by the limits, 56 bytes an attempt and 4 to 8 for its bucket, and used only as needed; nothing is left to the
 * garbage collector. A full list evicts its oldest attempt. Forged first knocks cannot evict an attempt that has
 * advanced, because those have a list of their own.
 *
 * With a million sources no record is cached, and reading one takes as long as all other work for a packet. So a link
 * to a record contains, besides its number, the rest of the source's hash, and a bit that says whether more may follow:
 * most packets of new sources are recognised as new by reading the bucket alone.
 */
export class AttemptStore {
  readonly #key: HashKey;
  /**
   * The part of a link that holds the number; the bit above it says that more may follow, the bits above that are from
   * the hash.
   */
  readonly #number: number;
  readonly #more: number;
  readonly #tag: number;
  readonly #ints: Int32Array;
  readonly #floats: Float64Array;
  readonly #buckets: Int32Array;
  readonly #first: Ages;
  readonly #advanced: Ages;
  /** The highest number ever used. */
  #high = 0;
  #free = NONE;
  #evicted = 0;

  /** Both limits must be 1 or more. */
  constructor(maxFirst: number, maxAdvanced: number, key: HashKey) {
    const capacity = maxFirst + maxAdvanced;
    const memory = new ArrayBuffer((capacity + 1) * SIZE * 4);
    this.#key = key;
    this.#ints = new Int32Array(memory);
    this.#floats = new Float64Array(memory);
    const bits = Math.ceil(Math.log2(capacity + 1));
    this.#buckets = new Int32Array(2 ** bits);
    this.#number = 2 ** bits - 1;
    this.#more = 1 << bits;
    this.#tag = ~(this.#number | this.#more);
    this.#first = { limit: maxFirst, count: 0, oldest: NONE, newest: NONE };
    this.#advanced = { limit: maxAdvanced, count: 0, oldest: NONE, newest: NONE };
  }

  get count(): number {
    return this.#first.count + this.#advanced.count;
  }

  /** The number of attempts evicted by newer ones, since the start. */
  get evicted(): number {
    return this.#evicted;
  }

  /** Every attempt has a number from 1 to this; a number without an attempt has `stage` 0. */
  get high(): number {
    return this.#high;
  }

  /** Returns the hash of a source, by which its attempts are found: call it once for each packet. */
  hashOf(source: AddressWords): number {
    return hashAddress(source, this.#key);
  }

  /** Returns the first attempt of a source, or NONE. */
  find(source: AddressWords, hash: number): number {
    return this.#match(this.#buckets[this.#bucket(hash)] ?? NONE, source, hash);
  }

  /** Returns the next attempt of the source, or NONE. */
  next(attempt: number, source: AddressWords, hash: number): number {
    return this.#match(this.#get(attempt, CHAIN_NEXT), source, hash);
  }

  /** Starts an attempt at stage 1, before the source's others. */
  add(packet: Packet, hash: number, door: number, startMs: number): void {
    if (this.#first.count === this.#first.limit) this.#evict(this.#first);
    const attempt = this.#allocate();
    const { source } = packet;
    this.#set(attempt, SOURCE, source.w0);
    this.#set(attempt, SOURCE + 1, source.w1);
    this.#set(attempt, SOURCE + 2, source.w2);
    this.#set(attempt, SOURCE + 3, source.w3);
    this.#set(attempt, DOOR, door);
    this.#set(attempt, STAGE, 1);
    this.#floats[(attempt * SIZE + START) / 2] = startMs;
    this.#remember(attempt, packet);
    const bucket = this.#bucket(hash);
    const head = this.#buckets[bucket] ?? NONE;
    this.#set(attempt, CHAIN_PREVIOUS, NONE);
    this.#set(attempt, CHAIN_NEXT, head);
    if (head !== NONE) this.#set(head & this.#number, CHAIN_PREVIOUS, attempt);
    this.#buckets[bucket] = attempt | (head === NONE ? 0 : this.#more) | (hash & this.#tag);
    this.#append(this.#first, attempt);
  }

  /** Advances an attempt by one stage with this packet. */
  advance(attempt: number, packet: Packet): void {
    const stage = this.stage(attempt);
    if (stage === 1) {
      this.#unlinkAge(this.#first, attempt);
      if (this.#advanced.count === this.#advanced.limit) this.#evict(this.#advanced);
      this.#append(this.#advanced, attempt);
    }
    this.#set(attempt, STAGE, stage + 1);
    this.#remember(attempt, packet);
  }

  /** Removes an attempt; `hash`: that of its source. */
  remove(attempt: number, hash = this.hashOf(this.source(attempt))): void {
    this.#unlinkAge(this.stage(attempt) === 1 ? this.#first : this.#advanced, attempt);
    const previous = this.#get(attempt, CHAIN_PREVIOUS);
    const next = this.#get(attempt, CHAIN_NEXT);
    if (next !== NONE) this.#set(next & this.#number, CHAIN_PREVIOUS, previous);
    if (previous !== NONE) this.#set(previous, CHAIN_NEXT, next);
    else this.#buckets[this.#bucket(hash)] = next;
    this.#set(attempt, STAGE, 0);
    this.#set(attempt, CHAIN_NEXT, this.#free);
    this.#free = attempt;
  }

  source(attempt: number): AddressWords {
    return {
      w0: this.#get(attempt, SOURCE),
      w1: this.#get(attempt, SOURCE + 1),
      w2: this.#get(attempt, SOURCE + 2),
      w3: this.#get(attempt, SOURCE + 3),
    };
  }

  /** Returns the steps done; 0: no such attempt. */
  stage(attempt: number): number {
    return this.#get(attempt, STAGE);
  }

  door(attempt: number): number {
    return this.#get(attempt, DOOR);
  }

  setDoor(attempt: number, door: number): void {
    this.#set(attempt, DOOR, door);
  }

  startMs(attempt: number): number {
    return this.#floats[(attempt * SIZE + START) / 2] ?? 0;
  }

  /** True if the packet has the source port and sequence number of the last counted one. */
  isCopy(attempt: number, packet: Packet): boolean {
    return (
      this.#get(attempt, SEQUENCE) === packet.sequence &&
      this.#get(attempt, SOURCE_PORT) === packet.sourcePort
    );
  }

  #remember(attempt: number, packet: Packet): void {
    this.#set(attempt, SOURCE_PORT, packet.sourcePort);
    this.#set(attempt, SEQUENCE, packet.sequence);
  }

  /** Returns the first record of the source in a chain that begins with this link. */
  #match(start: number, source: AddressWords, hash: number): number {
    for (let link = start; link !== NONE;) {
      const attempt = link & this.#number;
      if (((link ^ hash) & this.#tag) === 0 && this.#isOf(attempt, source)) return attempt;
      if ((link & this.#more) === 0) return NONE;
      link = this.#get(attempt, CHAIN_NEXT);
    }
    return NONE;
  }

  #isOf(attempt: number, source: AddressWords): boolean {
    return (
      this.#get(attempt, SOURCE + 3) === source.w3 &&
      this.#get(attempt, SOURCE + 2) === source.w2 &&
      this.#get(attempt, SOURCE + 1) === source.w1 &&
      this.#get(attempt, SOURCE) === source.w0
    );
  }

  #bucket(hash: number): number {
    return hash & this.#number;
  }

  #allocate(): number {
    if (this.#free === NONE) return ++this.#high;
    const attempt = this.#free;
    this.#free = this.#get(attempt, CHAIN_NEXT);
    return attempt;
  }

  #evict(ages: Ages): void {
    this.remove(ages.oldest);
    this.#evicted++;
  }

  #append(ages: Ages, attempt: number): void {
    this.#set(attempt, OLDER, ages.newest);
    this.#set(attempt, NEWER, NONE);
    if (ages.newest === NONE) ages.oldest = attempt;
    else this.#set(ages.newest, NEWER, attempt);
    ages.newest = attempt;
    ages.count++;
  }

  #unlinkAge(ages: Ages, attempt: number): void {
    const older = this.#get(attempt, OLDER);
    const newer = this.#get(attempt, NEWER);
    if (older === NONE) ages.oldest = newer;
    else this.#set(older, NEWER, newer);
    if (newer === NONE) ages.newest = older;
    else this.#set(newer, OLDER, older);
    ages.count--;
  }

  #get(attempt: number, field: number): number {
    return this.#ints[attempt * SIZE + field] ?? 0;
  }

  #set(attempt: number, field: number, value: number): void {
    this.#ints[attempt * SIZE + field] = value;
  }
}
