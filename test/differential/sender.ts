import type { Family } from '../../src/base/address.js';
import { ADDRESS, type Lab } from '../helpers/lab.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';
import type { LabProcess } from '../helpers/processes.js';

/** Something to send: a packet, or a pause before the next one. */
export type Item = PacketSpec | { readonly waitMs: number };

/** Sends whole frames, a line of hexadecimal digits each; waits, and says that it has come so far. */
const SENDER = `
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
for line in sys.stdin:
    word, value = line.split()
    if word == 'send': out.send(bytes.fromhex(value))
    elif word == 'wait': time.sleep(int(value) / 1000)
    else: print('sent', value, flush=True)
`;

/**
 * Sends raw packets from the client of a lab to its server, from any source address: one veth stands for many clients.
 * Each packet has a source port, a TCP sequence number and an IP identification of its own, so that none looks like a
 * copy of another.
 */
export class Sender {
  readonly #process: LabProcess;
  readonly #macs: Buffer;
  #packets = 0;
  #batches = 0;

  private constructor(process: LabProcess, macs: Buffer) {
    this.#process = process;
    this.#macs = macs;
  }

  static async start(lab: Lab): Promise<Sender> {
    const mac = async (place: 'server' | 'client'): Promise<Buffer> => {
      const { stdout } = await lab.exec(place, ['/usr/bin/cat', '/sys/class/net/eth0/address']);
      return Buffer.from(stdout.trim().replaceAll(':', ''), 'hex');
    };
    const macs = Buffer.concat([await mac('server'), await mac('client')]);
    return new Sender(lab.spawn('client', ['/usr/bin/python3', '-uc', SENDER]), macs);
  }

  /** Returns once all is sent, in this order. */
  async send(items: readonly Item[]): Promise<void> {
    const lines = items.map((item) => ('waitMs' in item ? `wait ${item.waitMs}\n` : this.#frame(item)));
    const batch = ++this.#batches;
    this.#process.write(`${lines.join('')}say ${batch}\n`);
    await this.#process.until(`sent ${batch}\n`, 180_000);
  }

  #frame(spec: PacketSpec): string {
    const number = ++this.#packets;
    const family: Family = spec.source?.includes(':') === true ? 6 : 4;
    const frame = buildPacket({
      destination: ADDRESS.server[family],
      sourcePort: 20_000 + (number % 40_000),
      sequence: 1_000 * number,
      ipId: number % 0xffff,
      ...spec,
    });
    this.#macs.copy(frame);
    return `send ${frame.toString('hex')}\n`;
  }
}
