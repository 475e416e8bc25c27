import { FAMILIES } from '../../src/base/address.js';
import type { Door } from '../../src/knock/door.js';
import { Sniffer, type SnifferOrder } from '../../src/listener/sniffer.js';
import { readListenerMessage, type ListenerMessage } from '../../src/wire/listener.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';

/** A sniffer of packets to this host's own loopback, with a clock that stands still. */
export class Stand {
  readonly clock = new FakeClock();
  readonly sent: ListenerMessage[] = [];
  readonly sniffer: Sniffer;
  #sequence = 0;

  constructor(doors: readonly Door[], more: Partial<SnifferOrder> = {}) {
    const order = {
      doors,
      oneTime: [],
      families: FAMILIES,
      beatMs: 500,
      reportOnly: false,
      tolerateDuplicates: false,
      ...more,
    };
    this.sniffer = new Sniffer(order, this.clock, (message) => {
      this.sent.push(readListenerMessage(JSON.parse(JSON.stringify(message))));
    });
    this.sniffer.beat();
    this.take();
  }

  packet(spec: PacketSpec): void {
    const bytes = buildPacket({ destination: '127.0.0.1', sequence: ++this.#sequence, ...spec });
    const buffer = Buffer.alloc(65_535);
    buffer.set(bytes);
    this.sniffer.take(buffer, bytes.length, spec.link ?? 'ethernet');
  }

  knock(ports: readonly number[], more: PacketSpec = {}): void {
    for (const port of ports) this.packet({ destinationPort: port, ...more });
  }

  /** What was sent since the last call. */
  take(): ListenerMessage[] {
    return this.sent.splice(0);
  }
}
