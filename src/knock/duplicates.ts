import type { Packet } from './packet.js';

/** A power of two. At 300,000 packets/s a slot is taken over after some 10 ms; copies follow within microseconds. */
const SLOTS = 4096;
const FIELDS = 10;
/** The field of the interface, which is compared only where the capture tells it. */
const DEVICE = 9;

/** How long, in milliseconds, an equal packet counts as a copy. */
interface CopyWindows {
  /** Of a packet that bears a number: TCP, and IPv4 UDP with an identification. */
  readonly numberedMs: number;
  /** Of a UDP datagram without one: identification 0, or IPv6. */
  readonly bareMs: number;
}

/**
 * Copies follow within microseconds on the wire, but `cap` gives no capture times, so the time is that of processing, and
 * on a busy machine the listener may lose the processor between two of them. A SYN is sent again after 1 s at the earliest
 * (RFC 6298), IPv4 with another identification.
 */
const WINDOWS: CopyWindows = { numberedMs: 500, bareMs: 50 };

/**
 * Tells a copy of one packet, seen on a second interface of this host (a bridge and its port, a VLAN and its device),
 * from a packet sent twice. Copies agree in every field, and come in by another interface than the first of them: where the capture
 * tells that, a packet that comes again by the same one was sent again, whatever it looks like. Where it does not (libpcap before
 * 1.10), these cannot be told from a copy: two UDP datagrams within the short window with the same ports and content and no
 * IP identification (our client and knock(1) take a new source port for each), and hand-made TCP packets within the long
 * one whose maker gives them all the same source port, sequence number and identification.
 */
export class Duplicates {
  readonly #windows: CopyWindows;
  readonly #fields = new Int32Array(SLOTS * FIELDS);
  readonly #times = new Float64Array(SLOTS).fill(-Infinity);

  constructor(windows = WINDOWS) {
    this.#windows = windows;
  }

  /** True where the very same packet came at most a window ago; else it is remembered, and false. */
  seenBefore(packet: Packet, nowMs: number): boolean {
    const { source } = packet;
    const ports = (packet.sourcePort << 16) | packet.destinationPort;
    const kind = (packet.protocol === 'tcp' ? 0x100 : 0) | packet.flags;
    const slot = slotOf(packet, ports);
    const windowMs = isNumbered(packet) ? this.#windows.numberedMs : this.#windows.bareMs;
    const recent = nowMs - (this.#times[slot] ?? -Infinity) <= windowMs;
    let same = this.#exchange(slot, 0, packet.sequence);
    same = this.#exchange(slot, 1, packet.ipId) && same;
    same = this.#exchange(slot, 2, ports) && same;
    same = this.#exchange(slot, 3, kind) && same;
    same = this.#exchange(slot, 4, source.w0) && same;
    same = this.#exchange(slot, 5, source.w1) && same;
    same = this.#exchange(slot, 6, source.w2) && same;
    same = this.#exchange(slot, 7, source.w3) && same;
    same = this.#exchange(slot, 8, packet.destination.w3) && same;
    const first = this.#fields[slot * FIELDS + DEVICE];
    // The time and the interface of the first copy stay, so that an endless row of copies is not swallowed for ever.
    if (same && recent && (packet.device === 0 || packet.device !== first)) return true;
    this.#times[slot] = nowMs;
    this.#fields[slot * FIELDS + DEVICE] = packet.device;
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

function isNumbered(packet: Packet): boolean {
  return packet.protocol === 'tcp' || (packet.family === 4 && packet.ipId !== 0);
}

function slotOf(packet: Packet, ports: number): number {
  let hash = Math.imul(packet.source.w3 ^ packet.sequence, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 15) ^ ports ^ (packet.ipId << 7), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) & (SLOTS - 1);
}
