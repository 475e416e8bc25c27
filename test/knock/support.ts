import { type Network, parseAddress } from '../../src/base/address.js';
import { AddressSet } from '../../src/knock/addresses.js';
import { decode } from '../../src/knock/decode.js';
import { type Door, type Protocol, type Step, TCP_FLAGS } from '../../src/knock/door.js';
import {
  type AddressWords,
  addressText,
  addressWords,
  createPacket,
  type Packet,
} from '../../src/knock/packet.js';
import { type KnockSink, Tracker, type TrackerOptions } from '../../src/knock/tracker.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';

export const OWN = '198.51.100.1';
export const OWN6 = '2001:db8::1';

const { syn, ack } = TCP_FLAGS;
export const ANY_FLAGS = { mask: 0, value: 0 };
export const SYN = { mask: syn, value: syn };
export const SYN_ONLY = { mask: syn | ack, value: syn };

let lastId = 0;

/** A door from knockd's own notation, `7000,8000:udp`; 5 s and tcpflags = syn where nothing else is said. */
export function door(sequence: string, more: Partial<Door> = {}): Door {
  const steps = sequence.split(',').map((item): Step => {
    const [port, protocol] = item.split(':');
    return { port: Number(port), protocol: protocol === 'udp' ? 'udp' : 'tcp' };
  });
  const id = ++lastId;
  return { id, name: `d${id}`, sequence: steps, windowMs: 5000, flags: SYN, target: undefined, ...more };
}

export function network(text: string): Network {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}

export function ownAddresses(...texts: readonly string[]): AddressSet {
  return new AddressSet(texts.map(network));
}

/** Writes down what happens as `source door what`. */
export class Recorder implements KnockSink {
  events: string[] = [];

  stage(at: Door, source: AddressWords, stage: number): void {
    this.events.push(`${addressText(source)} ${at.name} stage ${stage}`);
  }

  open(at: Door, source: AddressWords): void {
    this.events.push(`${addressText(source)} ${at.name} open`);
  }

  timeout(at: Door, source: AddressWords, stage: number): void {
    this.events.push(`${addressText(source)} ${at.name} timeout ${stage}`);
  }

  /** What was written since the last call. */
  take(): string[] {
    const { events } = this;
    this.events = [];
    return events;
  }
}

/** A tracker with its recorder, fed with packets that are built and decoded. The clock moves 100 ms a packet. */
export class Stand {
  readonly recorder = new Recorder();
  readonly tracker: Tracker;
  nowMs = 1000;
  #sent = 0;

  constructor(doors: readonly Door[], options: Partial<TrackerOptions> = {}) {
    this.tracker = new Tracker(
      doors,
      ownAddresses(OWN, OWN6),
      { hashKey: [1, 2], ...options },
      this.recorder,
    );
  }

  /** One packet; true where it counted. Without a sequence number it gets one of its own. */
  send(spec: PacketSpec): boolean {
    const packet = createPacket();
    const frame = buildPacket({ sequence: ++this.#sent, ...spec });
    if (!decode(frame, frame.length, 'ethernet', packet)) throw new Error('the packet does not decode');
    this.nowMs += 100;
    return this.tracker.packet(packet, this.nowMs);
  }

  /** Packets to these ports, `8000:udp` for UDP; what happened, without the source. */
  knock(ports: string, more: PacketSpec = {}): string[] {
    for (const item of ports.split(',')) {
      const [port, protocol] = item.split(':');
      const kind: Protocol = protocol === 'udp' ? 'udp' : 'tcp';
      this.send({ ...more, destinationPort: Number(port), protocol: kind });
    }
    return this.recorder.take().map((event) => event.slice(event.indexOf(' ') + 1));
  }
}

/** A packet without bytes. */
export function packetOf(source: string, destination: string, more: Partial<Packet> = {}): Packet {
  const from = network(source);
  return {
    ...createPacket(),
    family: from.family,
    source: addressWords(from),
    destination: addressWords(network(destination)),
    sourcePort: 40_000,
    flags: syn,
    ...more,
  };
}
