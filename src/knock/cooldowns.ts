import { AttemptStore, NONE } from './attempts.js';
import type { HashKey } from './hash.js';
import type { Packet } from './packet.js';
import type { PlannedDoor } from './plan.js';

/** Sources and doors at once; the one that has waited longest goes first. 3.7 MB where all are taken, and none before. */
const MAX_COOLDOWNS = 65_536;

/** For whom a door with a cool-down has opened, and since when: until its time is over it begins nothing for them. */
export class Cooldowns {
  readonly #key: HashKey;
  readonly #limit: number;
  #store: AttemptStore | undefined;

  constructor(key: HashKey, limit = MAX_COOLDOWNS) {
    this.#key = key;
    this.#limit = limit;
  }

  /** The door has opened for the source of this packet. */
  begin({ door, index }: PlannedDoor, packet: Packet, hash: number, nowMs: number): void {
    if (door.cooldownMs === undefined) return;
    this.#store ??= new AttemptStore(this.#limit, 1, this.#key);
    this.#store.add(packet, hash, index, nowMs);
  }

  /** True where the door is still to ignore the source of this packet. */
  holds({ door, index }: PlannedDoor, packet: Packet, hash: number, nowMs: number): boolean {
    const store = this.#store;
    if (store === undefined || door.cooldownMs === undefined) return false;
    let record = store.find(packet.source, hash);
    while (record !== NONE) {
      if (store.door(record) === index) {
        if (nowMs - store.startMs(record) < door.cooldownMs) return true;
        store.remove(record, hash);
        return false;
      }
      record = store.next(record, packet.source, hash);
    }
    return false;
  }

  /** New doors: `moved` has the new place of each that waits as before, by its old place; the others are forgotten. */
  move(moved: readonly (number | undefined)[]): void {
    const store = this.#store;
    for (let record = 1; store !== undefined && record <= store.high; record++) {
      if (store.stage(record) === 0) continue;
      const index = moved[store.door(record)];
      if (index === undefined) store.remove(record);
      else store.setDoor(record, index);
    }
  }
}
