import type { AddressSet } from './addresses.js';
import { AttemptStore, NONE } from './attempts.js';
import { Cooldowns } from './cooldowns.js';
import type { Door } from './door.js';
import type { HashKey } from './hash.js';
import type { AddressWords, Packet } from './packet.js';
import {
  destinationFits,
  flagsFit,
  type Plan,
  planDoors,
  type PlannedDoor,
  type PortPlan,
  sameRecognition,
  stepKey,
} from './plan.js';

/**
 * Receives the tracker's events. `source` may be a reused object: call `addressText(source)` at once if it is needed. A
 * sink must not call the tracker. A door that opens reports its last stage first, as in knockd.
 */
export interface KnockSink {
  /** `stage` steps of the sequence are done, from 1. */
  stage(door: Door, source: AddressWords, stage: number): void;
  open(door: Door, source: AddressWords): void;
  /** The attempt timed out at `stage`. */
  timeout(door: Door, source: AddressWords, stage: number): void;
}

export interface TrackerOptions {
  /** Random, so that an attacker cannot choose addresses that collide in the table. */
  readonly hashKey: HashKey;
  /** The maximum of attempts at stage 1, one for each source and door; default 131,072. The oldest is evicted first. */
  readonly maxAttempts?: number;
  /** The maximum of attempts at later stages, stored separately; default 16,384. */
  readonly maxAdvanced?: number;
  /**
   * `duplicates = tolerate`: ignores a TCP packet to a port that the attempt has already counted, unless it is the next
   * one; if it is, ignores one with the source port and sequence number of the packet just counted.
   */
  readonly tolerateDuplicates?: boolean;
}

/**
 * The maximum of records that one call of `expire` checks: 0.1 ms if none has timed out, 1 ms if all have (Node 20).
 */
const EXPIRE_BUDGET = 16_384;

/**
 * Recognises knocks by knockd's rules; sources never affect each other. A packet costs the same for any number of
 * sources and doors: it only concerns doors that begin with its port, or where its source has an attempt. At the
 * default limits the tracker takes at most 9.3 MB (Node 20).
 */
export class Tracker {
  readonly #sink: KnockSink;
  readonly #store: AttemptStore;
  readonly #cooldowns: Cooldowns;
  readonly #tolerateDuplicates: boolean;
  #own: AddressSet;
  #plan: Plan;
  /** The attempt that `expire` checked last. */
  #cursor = NONE;

  constructor(doors: readonly Door[], own: AddressSet, options: TrackerOptions, sink: KnockSink) {
    const { hashKey, maxAttempts = 131_072, maxAdvanced = 16_384, tolerateDuplicates = false } = options;
    this.#plan = planDoors(doors);
    this.#own = own;
    this.#store = new AttemptStore(maxAttempts, maxAdvanced, hashKey);
    this.#cooldowns = new Cooldowns(hashKey);
    this.#tolerateDuplicates = tolerateDuplicates;
    this.#sink = sink;
  }

  /** The number of attempts under way, including timed-out ones not yet expired. */
  get attempts(): number {
    return this.#store.count;
  }

  /** The number of attempts evicted because of a limit, since the start. */
  get evicted(): number {
    return this.#store.evicted;
  }

  /** Sets the host's own addresses. */
  setOwnAddresses(own: AddressSet): void {
    this.#own = own;
  }

  /** Replaces the doors. Attempts at unchanged doors (same id too) continue, the others are dropped silently. */
  replaceDoors(doors: readonly Door[]): void {
    const before = this.#plan;
    this.#plan = planDoors(doors);
    const byId = new Map(this.#plan.doors.map((door) => [door.door.id, door]));
    const moved = before.doors.map((old) => {
      const door = byId.get(old.door.id);
      return door !== undefined && sameRecognition(old, door) ? door.index : undefined;
    });
    for (let attempt = 1; attempt <= this.#store.high; attempt++) {
      if (this.#store.stage(attempt) === 0) continue;
      const index = moved[this.#store.door(attempt)];
      if (index === undefined) this.#store.remove(attempt);
      else this.#store.setDoor(attempt, index);
    }
    // A door that goes on to its next one-time sequence waits as it did.
    this.#cooldowns.move(
      before.doors.map(({ door: old }) => {
        const door = byId.get(old.id);
        return door?.door.cooldownMs === old.cooldownMs ? door?.index : undefined;
      }),
    );
  }

  /** Handles one packet; `nowMs`: from a monotonic clock. Returns true if it counts at any door. */
  packet(packet: Packet, nowMs: number): boolean {
    const key = stepKey(packet.protocol, packet.destinationPort);
    const port = this.#plan.ports.get(key);
    if (port === undefined) return false;
    const toOwn = this.#own.has(packet.destination);
    if (!counts(port, packet, toOwn)) return false;
    const hash = this.#store.hashOf(packet.source);
    if (!this.#continue(packet, hash, key, toOwn, nowMs)) this.#start(port, packet, hash, toOwn, nowMs);
    return true;
  }

  /** Reports and removes timed-out attempts. Each call checks a limited number, in rotation. */
  expire(nowMs: number): void {
    const store = this.#store;
    if (store.count === 0) return;
    for (let looked = Math.min(EXPIRE_BUDGET, store.high); looked > 0; looked--) {
      this.#cursor = this.#cursor >= store.high ? 1 : this.#cursor + 1;
      const stage = store.stage(this.#cursor);
      if (stage === 0) continue;
      const door = this.#plan.doors[store.door(this.#cursor)]?.door;
      if (door !== undefined && !isOver(door, store.startMs(this.#cursor), nowMs)) continue;
      const source = store.source(this.#cursor);
      store.remove(this.#cursor);
      if (door !== undefined) this.#sink.timeout(door, source, stage);
    }
  }

  /** Applies the packet to the source's attempts. Returns true if it could have been for one of them. */
  #continue(packet: Packet, hash: number, key: number, toOwn: boolean, nowMs: number): boolean {
    const store = this.#store;
    let underWay = false;
    let attempt = store.find(packet.source, hash);
    while (attempt !== NONE) {
      const door = this.#plan.doors[store.door(attempt)];
      let continues = true;
      if (door === undefined || isOver(door.door, store.startMs(attempt), nowMs)) {
        if (door !== undefined) this.#sink.timeout(door.door, packet.source, store.stage(attempt));
        continues = false;
      } else if (destinationFits(door, packet, toOwn)) {
        underWay = true;
        const verdict = this.#judge(attempt, door, packet, key);
        continues = verdict === 'goes-on';
        if (verdict === 'opened') this.#cooldowns.begin(door, packet, hash, nowMs);
      }
      // Advancing may evict others, so the next attempt is looked up afterwards, but before a removal.
      const next = store.next(attempt, packet.source, hash);
      if (!continues) store.remove(attempt, hash);
      attempt = next;
    }
    return underWay;
  }

  /** One packet for one attempt: whether it goes on, and if not, whether its end is good. */
  #judge(attempt: number, door: PlannedDoor, packet: Packet, key: number): 'goes-on' | 'opened' | 'failed' {
    if (!flagsFit(door, packet)) return 'goes-on';
    const done = this.#store.stage(attempt);
    const isNext = door.keys[done] === key;
    if (this.#tolerateDuplicates && packet.protocol === 'tcp') {
      if (isNext && door.keys[done - 1] === key && this.#store.isCopy(attempt, packet)) return 'goes-on';
      // Like the kernel's rules, which see no sequence numbers: a SYN is retransmitted a second or more after the
      // first.
      if (!isNext && door.keys.lastIndexOf(key, done - 1) !== -1) return 'goes-on';
    }
    if (!isNext) return 'failed';
    this.#sink.stage(door.door, packet.source, done + 1);
    if (done + 1 < door.keys.length) {
      this.#store.advance(attempt, packet);
      return 'goes-on';
    }
    this.#sink.open(door.door, packet.source);
    return 'opened';
  }

  #start(port: PortPlan, packet: Packet, hash: number, toOwn: boolean, nowMs: number): void {
    const ready = (door: PlannedDoor): boolean =>
      fits(door, packet, toOwn) && !this.#cooldowns.holds(door, packet, hash, nowMs);
    const { starts } = port;
    // Each is inserted before the others, so that they are later found in the order of the doors.
    for (let index = starts.length - 1; index >= 0; index--) {
      const door = starts[index];
      if (door !== undefined && door.keys.length > 1 && ready(door)) {
        this.#store.add(packet, hash, door.index, nowMs);
      }
    }
    for (const door of starts) {
      if (!ready(door)) continue;
      this.#sink.stage(door.door, packet.source, 1);
      if (door.keys.length > 1) continue;
      this.#sink.open(door.door, packet.source);
      this.#cooldowns.begin(door, packet, hash, nowMs);
    }
  }
}

function fits(door: PlannedDoor, packet: Packet, toOwn: boolean): boolean {
  return flagsFit(door, packet) && destinationFits(door, packet, toOwn);
}

function counts(port: PortPlan, packet: Packet, toOwn: boolean): boolean {
  for (const admission of port.admissions) {
    if (flagsFit(admission, packet) && destinationFits(admission, packet, toOwn)) return true;
  }
  return false;
}

function isOver(door: Door, startMs: number, nowMs: number): boolean {
  return door.windowMs <= 0 || nowMs - startMs > door.windowMs;
}
