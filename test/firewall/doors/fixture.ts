import { FAMILIES, type Family } from '../../../src/base/address.js';
import { sentinelLine } from '../../../src/firewall/sets/sentinel.js';
import { serviceSets } from '../../../src/firewall/sets/set-specs.js';
import { createLab, ADDRESS, type Backend, type Lab } from '../../helpers/lab.js';
import { buildPacket, type PacketSpec } from '../../helpers/packets.js';
import { compiled, loadText, readExample, type Example } from './configurations.js';

/** When a packet was sent, in milliseconds after the first one was about to be: no sooner and no later. */
export interface SentAt {
  readonly afterMs: number;
  readonly beforeMs: number;
}

/** Sends frames, each at its time, and prints when that was. */
const SENDER = `
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind(('eth0', 0))
first = None
for line in sys.stdin:
    at, frame = line.split()
    begin = time.monotonic()
    first = first or begin
    while True:
        left = first + int(at) / 1000 - time.monotonic()
        if left <= 0: break
        time.sleep(left if left < 0.002 else left - 0.001)
    begin = time.monotonic()
    out.send(bytes.fromhex(frame))
    print(begin - first, time.monotonic() - first)
`;

/** The doors of an example in the kernel of a lab's server, and packets from anywhere. */
export class Stand implements AsyncDisposable {
  readonly lab: Lab;
  readonly #macs: Buffer;

  private constructor(lab: Lab, macs: Buffer) {
    this.lab = lab;
    this.#macs = macs;
  }

  static async open(
    backend: Backend,
    example: Example,
    mutate: (rules: string) => string = (rules) => rules,
  ): Promise<Stand> {
    const lab = await createLab({ backend });
    try {
      const mac = async (place: 'server' | 'client'): Promise<Buffer> => {
        const { stdout } = await lab.exec(place, ['/usr/bin/cat', '/sys/class/net/eth0/address']);
        return Buffer.from(stdout.trim().replaceAll(':', ''), 'hex');
      };
      const stand = new Stand(lab, Buffer.concat([await mac('server'), await mac('client')]));
      await stand.#load(example, mutate);
      return stand;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /** Sends packets, each at its time in milliseconds after the first. */
  async send(packets: readonly (PacketSpec & { readonly atMs?: number })[]): Promise<SentAt[]> {
    let sequence = 0;
    const lines = packets.map(({ atMs = 0, ...spec }) => {
      const family: Family = spec.source?.includes(':') === true ? 6 : 4;
      const frame = buildPacket({ destination: ADDRESS.server[family], sequence: (sequence += 1), ...spec });
      this.#macs.copy(frame);
      return `${atMs} ${frame.toString('hex')}\n`;
    });
    const argv = ['/usr/bin/python3', '-c', SENDER];
    const { stdout, stderr } = await this.lab.exec('client', argv, { input: lines.join('') });
    const times = stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ').map((seconds) => 1000 * Number(seconds)));
    if (times.length !== packets.length) throw new Error(stderr);
    return times.map(([begin = 0, end = 0]) => ({ afterMs: begin, beforeMs: end }));
  }

  /** Sends TCP SYN or UDP packets to these ports, `8000:udp` for UDP, at once. */
  async knock(source: string, ports: string, more: PacketSpec = {}): Promise<void> {
    await this.send(
      ports.split(',').map((item) => {
        const [port, protocol] = item.split(':');
        const kind = protocol === 'udp' ? 'udp' : 'tcp';
        return { source, ...more, protocol: kind, destinationPort: Number(port) };
      }),
    );
  }

  async ipset(line: string): Promise<string> {
    return this.#must(['/usr/sbin/ipset', ...line.split(' ')]);
  }

  /** The entries of a set but for the sentinel, as `ADDRESS` or `ADDRESS for SECONDS`. */
  async entries(set: string): Promise<string[]> {
    const saved = await this.ipset(`save ${set}`);
    return [...saved.matchAll(/^add \S+ (\S+) timeout (\d+)( nomatch)?/gm)]
      .filter(([, , , nomatch]) => nomatch === undefined)
      .map(([, address = '', left]) => (left === '0' ? address : `${address} for ${left}`))
      .sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  async #load(example: Example, mutate: (rules: string) => string): Promise<void> {
    const { services } = readExample(example).settings;
    const specs = services.flatMap(({ name }) => serviceSets(name));
    const create = specs.map((spec) => `create ${spec.name} ${spec.create}\n`);
    for (const family of FAMILIES) {
      const each = compiled(example, family);
      create.push(...each.touched.map((set) => `${sentinelLine(set, family)}\n`), loadText(each).sets);
    }
    await this.#must(['/usr/sbin/ipset', 'restore'], create.join(''));
    const wait = this.lab.backend === 'legacy' ? ['-w', '20'] : [];
    for (const family of FAMILIES) {
      const tool = `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${this.lab.backend}-restore`;
      const { rules } = loadText(compiled(example, family));
      await this.#must([tool, '--noflush', ...wait], mutate(rules));
    }
  }

  async #must(argv: readonly string[], input = ''): Promise<string> {
    const done = await this.lab.exec('server', argv, { input });
    if (done.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr}`);
    return done.stdout;
  }
}
