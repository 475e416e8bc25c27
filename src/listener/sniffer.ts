import { randomBytes } from 'node:crypto';

import type { Family } from '../base/address.js';
import { TokenBucket } from '../base/token-bucket.js';
import { AddressSet } from '../knock/addresses.js';
import { decode } from '../knock/decode.js';
import type { Door } from '../knock/door.js';
import { Duplicates } from '../knock/duplicates.js';
import { isImpossibleSource } from '../knock/impossible.js';
import { addressText, createPacket, MAPPED, type AddressWords, type LinkType } from '../knock/packet.js';
import { Tracker, type KnockSink } from '../knock/tracker.js';
import type { Clock } from '../system/clock.js';
import { ownAddresses, ownSources } from '../system/own-addresses.js';
import { NONCE_BYTES, type ListenerMessage, type ListenerConfig } from '../wire/listener.js';
import { DoorRegistry } from './door-book.js';

/** Lines for the log go through a budget: a flood of first knocks must not become a flood of messages. */
const STAGE_RATE = 100;
const STAGE_BURST = 500;
/** Complete knocks too: whoever knows a sequence can forge its sources. What is over the budget is counted, not sent. */
const KNOCK_RATE = 500;
const KNOCK_BURST = 2_000;
/** The supervisor sends some thirty a second at most, while none of them comes back. */
const ECHO_RATE = 50;
const ECHO_BURST = 200;
/** 127.0.0.1 as the last word of an address. */
const LOOPBACK = 0x7f000001;
/** An unknown destination makes us look at our own addresses again, but not more often than this. */
const LOOK_AGAIN_MS = 250;
/** One that has gone is forgotten within this, and a beat: no packet tells of it, and a look takes longer than all else in a beat. */
const FORGET_MS = 10_000;
/** Attempts at stage 1 that are followed where the kernel recognises them: half of the usual, which spares 5 MB under a flood. */
const ATTEMPTS_TO_TELL = 65_536;

/** What the sniffer needs of the order. */
export type SnifferOrder = Pick<
  ListenerConfig,
  'doors' | 'oneTime' | 'families' | 'beatMs' | 'reportOnly' | 'tolerateDuplicates' | 'selfKnockPort'
>;

/**
 * From packets to messages: decodes, recognises, and beats. Beats and time-outs are driven by the
 * packets as well as by a timer, since cap drains its ring in one loop and no timer runs while
 * packets keep coming (measured).
 */
export class Sniffer implements KnockSink {
  readonly #clock: Clock;
  readonly #send: (message: ListenerMessage) => void;
  readonly #families: readonly Family[];
  readonly #beatMs: number;
  readonly #tracker: Tracker;
  readonly #duplicates = new Duplicates();
  readonly #packet = createPacket();
  readonly #book: DoorRegistry;
  /** Doors whose current sequence the packet in hand has used. */
  readonly #used = new Set<number>();
  readonly #stages: TokenBucket;
  readonly #knocks: TokenBucket;
  readonly #echoes: TokenBucket;
  readonly #selfKnockPort: number | undefined;
  /** Lines for the log, of which the supervisor hears with the next beat; their budget bounds them. */
  readonly #waiting: ListenerMessage[] = [];
  #own: AddressSet;
  /** Sources that only a forged packet has. */
  #ownSources = new AddressSet([]);
  #ownText = '';
  #lookedMs = 0;
  #packets = 0;
  #beatenMs = 0;
  #suppressed = 0;

  constructor(order: SnifferOrder, clock: Clock, send: (message: ListenerMessage) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#families = order.families;
    this.#beatMs = order.beatMs;
    this.#book = new DoorRegistry(order);
    this.#stages = new TokenBucket(STAGE_RATE, STAGE_BURST, clock.nowMs());
    this.#knocks = new TokenBucket(KNOCK_RATE, KNOCK_BURST, clock.nowMs());
    this.#echoes = new TokenBucket(ECHO_RATE, ECHO_BURST, clock.nowMs());
    this.#selfKnockPort = order.selfKnockPort;
    this.#own = new AddressSet([]);
    const key = randomBytes(8);
    const hashKey = [key.readUInt32LE(0), key.readUInt32LE(4)] as const;
    const { reportOnly: reportOnly, tolerateDuplicates } = order;
    const options = {
      hashKey,
      tolerateDuplicates,
      ...(reportOnly === true && { maxAttempts: ATTEMPTS_TO_TELL }),
    };
    this.#tracker = new Tracker(this.#book.doors, this.#own, options, this);
    this.#look(clock.nowMs());
  }

  /** One captured packet, and the length that it had on the wire. Never throws, whatever the bytes. */
  take(buffer: Buffer, length: number, linkType: LinkType, wireLength = length): void {
    const nowMs = this.#clock.nowMs();
    this.#packets++;
    if (nowMs - this.#beatenMs >= this.#beatMs) this.beat();
    if (!decode(buffer, length, linkType, this.#packet, wireLength)) return;
    if (this.#packet.destinationPort === this.#selfKnockPort && this.#isSelfKnock(length)) {
      this.#echo(buffer);
      return;
    }
    if (!this.#families.includes(this.#packet.family)) return;
    if (this.#isForged()) return;
    // On `any`, a packet through a bridge, bond or VLAN is seen once on each device it passes.
    const isCooked = linkType === 'sll2' || linkType === 'sll';
    if (isCooked && this.#duplicates.seenBefore(this.#packet, nowMs)) return;
    if (!this.#own.has(this.#packet.destination) && nowMs - this.#lookedMs >= LOOK_AGAIN_MS)
      this.#look(nowMs);
    this.#tracker.packet(this.#packet, nowMs);
    if (this.#used.size > 0) {
      this.#used.clear();
      this.#tracker.replaceDoors(this.#book.doors);
    }
  }

  /** Says that we live; forgets what has timed out; follows the host's addresses. */
  beat(): void {
    const nowMs = this.#clock.nowMs();
    this.#beatenMs = nowMs;
    if (nowMs - this.#lookedMs >= FORGET_MS) this.#look(nowMs);
    this.#tracker.expire(nowMs);
    this.#flush();
    if (this.#suppressed > 0) {
      this.#send({ type: 'suppressed', count: this.#suppressed });
      this.#suppressed = 0;
    }
    this.#send({ type: 'beat', packets: this.#packets });
  }

  /** Stages wait for the beat, or for a whole knock: by the moment in which it is woken the supervisor would tell how far somebody is. */
  #flush(): void {
    for (const message of this.#waiting.splice(0)) this.#send(message);
  }

  stage(door: Door, source: AddressWords, stage: number): void {
    this.#tell('stage', door, source, stage);
  }

  timeout(door: Door, source: AddressWords, stage: number): void {
    this.#tell('timeout', door, source, stage);
  }

  open(door: Door, source: AddressWords): void {
    if (this.#book.isOneTime(door.id)) {
      this.#openOnce(door.id, source);
      return;
    }
    if (!this.#knocks.take(this.#clock.nowMs())) {
      this.#suppressed++;
      return;
    }
    this.#flush();
    this.#send({ type: 'knock', door: door.id, address: addressText(source) });
  }

  /** No budget here: a door has only so many sequences, and each that was used must be told. */
  #openOnce(door: number, source: AddressWords): void {
    if (this.#used.has(door)) return; // one packet uses one sequence
    this.#used.add(door);
    const sequence = this.#book.use(door);
    if (sequence === undefined) return;
    this.#flush();
    this.#send({ type: 'knock', door, address: addressText(source), sequence });
  }

  /** Nobody else has such a source: a frame with it may come from outside, and would run commands for it, or ban it. */
  #isForged(): boolean {
    const { source, family } = this.#packet;
    return isImpossibleSource(source, family) || this.#ownSources.has(source);
  }

  /** From the one socket that is bound to the port to itself; the nonce says whether it is the supervisor's. */
  #isSelfKnock(length: number): boolean {
    const { protocol, source, destination, sourcePort, payloadAt, payloadLength } = this.#packet;
    return (
      protocol === 'udp' &&
      sourcePort === this.#selfKnockPort &&
      isLoopback(source) &&
      isLoopback(destination) &&
      payloadLength === NONCE_BYTES &&
      payloadAt + payloadLength <= length
    );
  }

  #echo(buffer: Buffer): void {
    if (!this.#echoes.take(this.#clock.nowMs())) return;
    const { payloadAt } = this.#packet;
    this.#send({ type: 'echo', nonce: buffer.toString('hex', payloadAt, payloadAt + NONCE_BYTES) });
  }

  #tell(type: 'stage' | 'timeout', door: Door, source: AddressWords, stage: number): void {
    if (!this.#stages.take(this.#clock.nowMs())) {
      this.#suppressed++;
      return;
    }
    this.#waiting.push({ type, door: door.id, address: addressText(source), stage });
  }

  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    const addresses = ownAddresses();
    const text = addresses.map((address) => address.text).join(' ');
    if (text === this.#ownText) return;
    this.#ownText = text;
    this.#own = new AddressSet(addresses);
    this.#ownSources = new AddressSet(ownSources());
    this.#tracker.setOwnAddresses(this.#own);
  }
}

function isLoopback({ w0, w1, w2, w3 }: AddressWords): boolean {
  return w0 === 0 && w1 === 0 && w2 === MAPPED && w3 === LOOPBACK;
}
