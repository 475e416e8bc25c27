import type { LinkType } from '../../src/knock/packet.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';

const LINKS: readonly LinkType[] = ['ethernet', 'sll', 'sll2', 'raw'];
const V6 = { source: '2001:db8::abcd', destination: '::1' };
const V4 = { source: '192.0.2.1', destination: '127.0.0.1' };

/** Valid packets of all forms that the decoder knows; each goes to the loopback address, which every host has. */
const FORMS: readonly PacketSpec[] = [
  V4,
  { ...V4, flags: 0x12 },
  { ...V4, protocol: 'udp', payload: Buffer.alloc(9) },
  { ...V4, protocol: 'udp', fragment: { offset: 0, more: true } },
  { ...V4, options: Buffer.alloc(40, 1) },
  { ...V4, tags: [0x88a8, 0x8100] },
  { ...V4, tags: [0x8100], padding: 18 },
  V6,
  { ...V6, protocol: 'udp', payload: Buffer.alloc(1) },
  { ...V6, protocol: 'udp', extensions: [{ header: 0 }, { header: 43 }, { header: 44 }] },
  {
    ...V6,
    extensions: [
      { header: 51, body: Buffer.alloc(22) },
      { header: 60, body: Buffer.alloc(14) },
    ],
  },
];
/** Ports of the doors in the fuzz test of the sniffer. */
export const KNOCK_PORTS = [7000, 8000, 9000, 7001] as const;
const MAX_LENGTH = 1_514;

/** An endless row of packets: random bytes, valid packets with bytes changed, cut short, from ever new addresses. */
export class PacketMutants {
  /** The packet in hand stands at the beginning; there is room behind it. */
  readonly buffer = Buffer.alloc(2_048);
  length = 0;
  link: LinkType = 'ethernet';
  readonly #next: () => number;
  readonly #seeds: readonly { readonly link: LinkType; readonly frame: Buffer; readonly source: number }[];

  constructor(next: () => number) {
    this.#next = next;
    this.#seeds = LINKS.flatMap((link) =>
      KNOCK_PORTS.flatMap((destinationPort) =>
        FORMS.map((form) => {
          const frame = buildPacket({ ...form, link, destinationPort });
          // Where the last four bytes of the source address stand.
          const source =
            form.source === V4.source ? frame.indexOf('c0000201', 'hex') : frame.indexOf('abcd', 'hex') - 2;
          return { link, frame, source };
        }),
      ),
    );
  }

  /** Puts the next packet into the buffer. */
  next(): void {
    const seed = this.#seeds[this.#next() % this.#seeds.length];
    if (seed === undefined) return;
    this.link = seed.link;
    const kind = this.#next() % 8;
    if (kind === 0) {
      this.#noise();
      return;
    }
    this.buffer.set(seed.frame);
    this.length = seed.frame.length;
    // Two of eight stay as they are, but for who sent them: else hardly a knock would come through.
    if (kind <= 4) this.buffer.writeUInt32BE(this.#next(), seed.source);
    else if (kind === 5) this.length = this.#next() % (this.length + 1);
    if (kind <= 2) return;
    for (let changes = this.#next() % 5; changes > 0; changes--) {
      this.buffer[this.#next() % seed.frame.length] = this.#next();
    }
  }

  /** The packet in hand, for a message. */
  readonly describe = (): string => `${this.link} ${this.buffer.subarray(0, this.length).toString('hex')}`;

  #noise(): void {
    const long = this.#next() % 32 === 0;
    this.length = this.#next() % (long ? MAX_LENGTH : 120);
    for (let at = 0; at < this.length; at += 4) this.buffer.writeUInt32LE(this.#next(), at);
  }
}
