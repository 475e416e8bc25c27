import type { Packet } from './packet.js';

/** A power of two. At 300,000 packets/s a slot is taken over after some 10 ms; copies follow within microseconds. */
const SLOTS = 4096;
const FIELDS = 9;

/**
 * Tells a copy of one packet, seen on a second interface of this host (a bridge and its port, a VLAN and its device),
 * from a packet sent twice: a true retransmission comes 200 ms later at the earliest (Linux: TCP_RTO_MIN), or 1 s for a
 * SYN (RFC 6298). Only packets that agree in every field are copies. What cannot be told from a copy: two UDP
 * datagrams within the window with the same ports and content where the sender gives no IP identification (0, or IPv6).
 */
export class Duplicates {
  readonly #windowMs: number;
  readonly #fields = new Int32Array(SLOTS * FIELDS);
  readonly #times = new Float64Array(SLOTS).fill(-Infinity);

  constructor(windowMs = 20) {
    this.#windowMs = windowMs;
  }

  /** True where the very same packet came at most a window ago; else it is remembered, and false. */
  seenBefore(packet: Packet, nowMs: number): boolean {
    const { source } = packet;
    const ports = (packet.sourcePort << 16) | packet.destinationPort;
    const kind = (packet.protocol === 'tcp' ? 0x100 : 0) | packet.flags;
    const slot = slotOf(packet, ports);
    const recent = nowMs - (this.#times[slot] ?? -Infinity) <= this.#windowMs;
    let same = this.#exchange(slot, 0, packet.sequence);
    same = this.#exchange(slot, 1, packet.ipId) && same;
    same = this.#exchange(slot, 2, ports) && same;
    same = this.#exchange(slot, 3, kind) && same;
    same = this.#exchange(slot, 4, source.w0) && same;
    same = this.#exchange(slot, 5, source.w1) && same;
    same = this.#exchange(slot, 6, source.w2) && same;
    same = this.#exchange(slot, 7, source.w3) && same;
    same = this.#exchange(slot, 8, packet.destination.w3) && same;
    if (same && recent) return true;
    // The time of the first copy stays, so that an endless row of copies is not swallowed for ever.
    this.#times[slot] = nowMs;
    return false;
  }

  /** Puts a value into a field; true where it was there. */
  #exchange(slot: number, field: number, value: number): boolean {
    const at = slot * FIELDS + field;
    const same = this.#fields[at] === value;
    this.#fields[at] = value;
    return same;
  }
}

function slotOf(packet: Packet, ports: number): number {
  let hash = Math.imul(packet.source.w3 ^ packet.sequence, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ports ^ (packet.ipId << 7), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}
