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

/** Log lines are rate-limited: a flood of first knocks must not become a flood of messages. */
const STAGE_RATE = 100;
const STAGE_BURST = 500;
/**
 * Complete knocks are limited too: an attacker who knows a sequence can forge its sources. The excess is counted, not
 * sent.
 */
const KNOCK_RATE = 500;
const KNOCK_BURST = 2_000;
/** The supervisor sends at most some thirty a second, while none of them returns. */
const ECHO_RATE = 50;
const ECHO_BURST = 200;
/** 127.0.0.1 as the last word of an address. */
const LOOPBACK = 0x7f000001;
/** The minimum interval between reads of the host's own addresses that an unknown destination triggers. */
const REFRESH_MS = 250;
/**
 * A removed address is forgotten within this time plus a beat. No packet reports it, and reading the addresses takes
 * longer than the rest of a beat.
 */
const FORGET_MS = 10_000;
/**
 * The maximum of attempts at stage 1 if the kernel recognises knocks: half of the default, which saves 5 MB under a
 * flood.
 */
const REPORT_ONLY_ATTEMPTS = 65_536;

/** The part of the listener's configuration that the sniffer needs. */
export type SnifferConfig = Pick<
  ListenerConfig,
  'doors' | 'oneTime' | 'families' | 'beatMs' | 'reportOnly' | 'tolerateDuplicates' | 'selfKnockPort'
>;

/**
 * Turns packets into messages: decodes, recognises, and sends beats. Beats and timeouts are driven by packets as well
 * as by a timer, because cap drains its ring in one loop, and no timer runs while packets keep coming (measured).
 */
export class Sniffer implements KnockSink {
  readonly #clock: Clock;
  readonly #send: (message: ListenerMessage) => void;
  readonly #families: readonly Family[];
  readonly #beatMs: number;
  readonly #tracker: Tracker;
  readonly #duplicates = new Duplicates();
  readonly #packet = createPacket();
  readonly #doors: DoorRegistry;
  /** One-time doors whose sequence was used by the current packet. */
  readonly #used = new Set<number>();
  readonly #stages: TokenBucket;
  readonly #knocks: TokenBucket;
  readonly #echoes: TokenBucket;
  readonly #selfKnockPort: number | undefined;
  /** Log lines that are sent with the next beat; the rate limit bounds them. */
  readonly #queued: ListenerMessage[] = [];
  #own: AddressSet;
  /** Sources that only forged packets have. */
  #ownSources = new AddressSet([]);
  #ownText = '';
  #addressesReadMs = 0;
  #packets = 0;
  #lastBeatMs = 0;
  #suppressed = 0;

  constructor(config: SnifferConfig, clock: Clock, send: (message: ListenerMessage) => void) {
    this.#clock = clock;
    this.#send = send;
    this.#families = config.families;
    this.#beatMs = config.beatMs;
    this.#doors = new DoorRegistry(config);
    this.#stages = new TokenBucket(STAGE_RATE, STAGE_BURST, clock.nowMs());
    this.#knocks = new TokenBucket(KNOCK_RATE, KNOCK_BURST, clock.nowMs());
    this.#echoes = new TokenBucket(ECHO_RATE, ECHO_BURST, clock.nowMs());
    this.#selfKnockPort = config.selfKnockPort;
    this.#own = new AddressSet([]);
    const key = randomBytes(8);
    const hashKey = [key.readUInt32LE(0), key.readUInt32LE(4)] as const;
    const { reportOnly, tolerateDuplicates } = config;
    const options = {
      hashKey,
      tolerateDuplicates,
      ...(reportOnly === true && { maxAttempts: REPORT_ONLY_ATTEMPTS }),
    };
    this.#tracker = new Tracker(this.#doors.doors, this.#own, options, this);
    this.#refreshOwnAddresses(clock.nowMs());
  }

  /** Handles one captured packet; `wireLength`: its length on the wire. Never throws, whatever the bytes. */
  handlePacket(buffer: Buffer, length: number, linkType: LinkType, wireLength = length): void {
    const nowMs = this.#clock.nowMs();
    this.#packets++;
    if (nowMs - this.#lastBeatMs >= this.#beatMs) this.beat();
    if (!decode(buffer, length, linkType, this.#packet, wireLength)) return;
    if (this.#packet.destinationPort === this.#selfKnockPort && this.#isLoopbackProbe(length)) {
      this.#echo(buffer);
      return;
    }
    if (!this.#families.includes(this.#packet.family)) return;
    if (this.#isForged()) return;
    // On `any`, a packet through a bridge, bond or VLAN appears once on each device.
    const isCooked = linkType === 'sll2' || linkType === 'sll';
    if (isCooked && this.#duplicates.seenBefore(this.#packet, nowMs)) return;
    if (!this.#own.has(this.#packet.destination) && nowMs - this.#addressesReadMs >= REFRESH_MS)
      this.#refreshOwnAddresses(nowMs);
    this.#tracker.packet(this.#packet, nowMs);
    if (this.#used.size > 0) {
      this.#used.clear();
      this.#tracker.replaceDoors(this.#doors.doors);
    }
  }

  /** Sends a beat; expires attempts, and follows changes of the host's addresses. */
  beat(): void {
    const nowMs = this.#clock.nowMs();
    this.#lastBeatMs = nowMs;
    if (nowMs - this.#addressesReadMs >= FORGET_MS) this.#refreshOwnAddresses(nowMs);
    this.#tracker.expire(nowMs);
    this.#flush();
    if (this.#suppressed > 0) {
      this.#send({ type: 'suppressed', count: this.#suppressed });
      this.#suppressed = 0;
    }
    this.#send({ type: 'beat', packets: this.#packets });
  }

  /**
   * Sends queued stages. They wait for a beat or a complete knock, because the time at which the supervisor wakes up
   * would reveal the progress of an attempt.
   */
  #flush(): void {
    for (const message of this.#queued.splice(0)) this.#send(message);
  }

  stage(door: Door, source: AddressWords, stage: number): void {
    this.#queue('stage', door, source, stage);
  }

  timeout(door: Door, source: AddressWords, stage: number): void {
    this.#queue('timeout', door, source, stage);
  }

  open(door: Door, source: AddressWords): void {
    if (this.#doors.isOneTime(door.id)) {
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

  /**
   * Reports a one-time knock without a rate limit: a door has a limited number of sequences, and every use must be
   * reported.
   */
  #openOnce(door: number, source: AddressWords): void {
    if (this.#used.has(door)) return; // one packet uses one sequence
    this.#used.add(door);
    const sequence = this.#doors.useSequence(door);
    if (sequence === undefined) return;
    this.#flush();
    this.#send({ type: 'knock', door, address: addressText(source), sequence });
  }

  /**
   * True for a source that no other host can have: such a frame, possibly forged from outside, would run commands for
   * that source, or ban it.
   */
  #isForged(): boolean {
    const { source, family } = this.#packet;
    return isImpossibleSource(source, family) || this.#ownSources.has(source);
  }

  /** True for a packet of the socket that is bound to the port and sends to itself; the supervisor checks the nonce. */
  #isLoopbackProbe(length: number): boolean {
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

  #queue(type: 'stage' | 'timeout', door: Door, source: AddressWords, stage: number): void {
    if (!this.#stages.take(this.#clock.nowMs())) {
      this.#suppressed++;
      return;
    }
    this.#queued.push({ type, door: door.id, address: addressText(source), stage });
  }

  #refreshOwnAddresses(nowMs: number): void {
    this.#addressesReadMs = nowMs;
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
