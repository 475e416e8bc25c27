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
 * Who is told what happened. `source` may be a reused object: take `addressText(source)` at once, if it is needed at
 * all. A sink must not call the tracker. A door that opens reports its last stage first, as knockd does.
 */
export interface KnockSink {
  /** `stage` steps of the sequence are done, from 1. */
  stage(door: Door, source: AddressWords, stage: number): void;
  open(door: Door, source: AddressWords): void;
  /** The window ran out at `stage`. */
  timeout(door: Door, source: AddressWords, stage: number): void;
}

export interface TrackerOptions {
  /** From a random source, so that nobody can choose addresses that collide in the table. */
  readonly hashKey: HashKey;
  /** Attempts at stage 1, one for each source and door; 131,072 by default. The oldest goes first. */
  readonly maxAttempts?: number;
  /** Attempts at a later stage, held apart; 16,384 by default. */
  readonly maxAdvanced?: number;
  /**
   * `duplicates = tolerate`: a TCP packet to a port that the attempt has counted already is ignored, if it is not the next one; where it
   * is, one with the source port and sequence number of the packet just counted.
   */
  readonly tolerateDuplicates?: boolean;
}

/** Records that one call of `expire` looks at: 0.1 ms where none is over, 1 ms where all are (Node 20). */
const EXPIRE_BUDGET = 16_384;

/**
 * Recognises knocks (knockd's rules, one source never disturbing another). A packet costs the same whatever the number
 * of sources and doors; only doors that begin with its port, or at which its source has an attempt, are looked at.
 * At the default bounds it takes 9.3 MB when they are reached (Node 20), and never more.
 */
export class Tracker {
  readonly #sink: KnockSink;
  readonly #store: AttemptStore;
  readonly #cooldowns: Cooldowns;
  readonly #tolerateDuplicates: boolean;
  #own: AddressSet;
  #plan: Plan;
  /** The attempt that `expire` looked at last. */
  #hand = NONE;

  constructor(doors: readonly Door[], own: AddressSet, options: TrackerOptions, sink: KnockSink) {
    const { hashKey, maxAttempts = 131_072, maxAdvanced = 16_384, tolerateDuplicates = false } = options;
    this.#plan = planDoors(doors);
    this.#own = own;
    this.#store = new AttemptStore(maxAttempts, maxAdvanced, hashKey);
    this.#cooldowns = new Cooldowns(hashKey);
    this.#tolerateDuplicates = tolerateDuplicates;
    this.#sink = sink;
  }

  /** Attempts under way, and those whose time-out nobody has noticed yet. */
  get attempts(): number {
    return this.#store.count;
  }

  /** Attempts that were pushed out because a bound was reached, since the start. */
  get evicted(): number {
    return this.#store.evicted;
  }

  /** The host's own addresses from now on. */
  setOwnAddresses(own: AddressSet): void {
    this.#own = own;
  }

  /** New doors. Attempts at doors that stay as they are (id and all) go on, the others are dropped without a word. */
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

  /** Takes one packet, at a time from a monotonic clock that never runs back. True where it counts at some door. */
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

  /** Reports and forgets attempts whose window is over. Looks at a bounded number a call, all in turn. */
  expire(nowMs: number): void {
    const store = this.#store;
    if (store.count === 0) return;
    for (let looked = Math.min(EXPIRE_BUDGET, store.high); looked > 0; looked--) {
      this.#hand = this.#hand >= store.high ? 1 : this.#hand + 1;
      const stage = store.stage(this.#hand);
      if (stage === 0) continue;
      const door = this.#plan.doors[store.door(this.#hand)]?.door;
      if (door !== undefined && !isOver(door, store.startMs(this.#hand), nowMs)) continue;
      const source = store.source(this.#hand);
      store.remove(this.#hand);
      if (door !== undefined) this.#sink.timeout(door, source, stage);
    }
  }

  /** Shows the packet to the source's attempts. True where it had one that the packet could have been for. */
  #continue(packet: Packet, hash: number, key: number, toOwn: boolean, nowMs: number): boolean {
    const store = this.#store;
    let underWay = false;
    let attempt = store.find(packet.source, hash);
    while (attempt !== NONE) {
      const door = this.#plan.doors[store.door(attempt)];
      let goesOn = true;
      if (door === undefined || isOver(door.door, store.startMs(attempt), nowMs)) {
        if (door !== undefined) this.#sink.timeout(door.door, packet.source, store.stage(attempt));
        goesOn = false;
      } else if (destinationFits(door, packet, toOwn)) {
        underWay = true;
        const verdict = this.#judge(attempt, door, packet, key);
        goesOn = verdict === 'goes-on';
        if (verdict === 'opened') this.#cooldowns.begin(door, packet, hash, nowMs);
      }
      // Advancing may evict others, so the next one is looked up after it, but before a removal.
      const next = store.next(attempt, packet.source, hash);
      if (!goesOn) store.remove(attempt, hash);
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
      // As the kernel's rules do it, which know no sequence numbers: a SYN that is sent again comes a second and more after the first.
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
    // Each goes in front of the others, so that later they are met in the order of the doors.
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
