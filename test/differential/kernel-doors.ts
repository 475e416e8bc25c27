import { writeFileSync } from 'node:fs';

import { FAMILIES, parseAddress, type Family, type Network } from '../../src/base/address.js';
import { parseKnockdConf } from '../../src/config/knockd/knockd-conf.js';
import { compileDoors, type CompiledDoors } from '../../src/firewall/doors/compile.js';
import { sentinelLine } from '../../src/firewall/sets/sentinel.js';
import type { Placement } from '../../src/firewall/doors/eligibility.js';
import { AddressSet } from '../../src/knock/addresses.js';
import { decode } from '../../src/knock/decode.js';
import type { Door } from '../../src/knock/door.js';
import { addressText, createPacket, type AddressWords } from '../../src/knock/packet.js';
import { Tracker } from '../../src/knock/tracker.js';
import { readIfExists } from '../../src/system/files.js';
import { loadText } from '../firewall/doors/configurations.js';
import { ADDRESS, createLab, type Backend, type Lab } from '../helpers/lab.js';
import { buildPacket } from '../helpers/packets.js';
import type { LabProcess } from '../helpers/processes.js';
import { logLines, observe } from './observation.js';
import { KNOCKD } from './pair.js';
import { Sender, type Item } from './sender.js';
import { isSyncSource, Sync, SYNC_DOOR } from './sync.js';

/** Which doors opened, in any order: `SOURCE DOOR` each once, and how often each door opened, `DOOR FAMILY TIMES`. */
export interface Opened {
  readonly sources: readonly string[];
  readonly times: readonly string[];
}

export interface TrioOptions {
  readonly duplicates?: 'strict' | 'tolerate';
  /** Puts a fault into the rules. */
  readonly mutate?: (rules: string) => string;
}

/** The kernel's doors, Debian's knockd and our own tracker, side by side: the same packets for all three. */
export class Trio implements AsyncDisposable {
  readonly lab: Lab;
  readonly sender: Sender;
  readonly #options: TrioOptions;
  #knockd: LabProcess | undefined;
  #tracker: Tracker | undefined;
  #compiled: ReadonlyMap<Family, CompiledDoors> = new Map();
  #opened: string[] = [];
  #nowMs = 0;
  #loads = 0;
  readonly #syncs: Sync;

  private constructor(lab: Lab, sender: Sender, options: TrioOptions) {
    this.lab = lab;
    this.sender = sender;
    this.#syncs = new Sync(sender);
    this.#options = options;
  }

  static async open(backend: Backend, options: TrioOptions = {}): Promise<Trio> {
    const lab = await createLab({ backend });
    try {
      // Packets to the target of a door pass the server on their way.
      await run(lab, ['/usr/bin/sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
      return new Trio(lab, await Sender.start(lab), options);
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /**
   * Puts doors in force at all three, in the words of knockd.conf. Those `without` an action do nothing in the kernel,
   * and are not compared: it follows them all the same.
   */
  async load(text: string, without: readonly string[] = []): Promise<void> {
    await this.#knockd?.kill();
    this.#loads += 1;
    const conf = `${text.replaceAll('OUT', '/dev/null')}${SYNC_DOOR}`;
    const file = `${this.lab.dir}/knockd.conf`;
    writeFileSync(file, `[options]\nlogfile = ${this.#log}\ninterface = eth0\n${conf}`);
    this.#knockd = this.lab.spawn('server', [KNOCKD, '-c', file]);
    const doors = parseKnockdConf(conf, 'knockd.conf').doors.map(({ door }) => door);
    await this.#intoKernel(doors, [...without, 'sync']);
    const open = (door: Door, source: AddressWords): void =>
      void this.#opened.push(`${addressText(source)} ${door.name}`);
    const sink = { open, stage: () => undefined, timeout: () => undefined };
    const tolerateDuplicates = this.#options.duplicates === 'tolerate';
    const own = [ADDRESS.server, ADDRESS.server2].flatMap((addresses) => Object.values(addresses));
    const tracked = { hashKey: [1, 2], tolerateDuplicates } as const;
    this.#tracker = new Tracker(doors, new AddressSet(own.map(network)), tracked, sink);
    this.#opened = [];
    await this.lab.waitFor(() => this.#lines().includes('starting up, listening on eth0'), 'knockd');
  }

  /** Sends the batches, each when knockd has seen the one before, and tells which doors are open where. */
  async run(
    ...batches: readonly (readonly Item[])[]
  ): Promise<Record<'kernel' | 'tracker' | 'knockd', Opened>> {
    for (const batch of batches) {
      for (const item of batch) this.#track(item);
      await this.sender.send(batch);
      await this.#sync();
    }
    const seen = observe(this.#lines(), [], isSyncSource).sources;
    const knockd = Object.entries(seen).flatMap(([source, { opened }]) =>
      opened.map((door) => `${source} ${door}`),
    );
    return {
      kernel: await this.#kernel(),
      tracker: tally(this.#opened, this.#counts),
      knockd: tally(knockd, this.#counts),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  get #log(): string {
    return `${this.lab.dir}/knockd-${this.#loads}.log`;
  }

  #lines(): string[] {
    return logLines(readIfExists(this.#log) ?? '');
  }

  /** True for what opens at a door that has an action in the kernel. */
  readonly #counts = (line: string): boolean => {
    const name = line.slice(line.indexOf(' ') + 1);
    const doors = [...this.#compiled.values()].flatMap((compiled) => compiled.doors);
    return doors.some(({ door }) => door.name === name);
  };

  /** Each door that has an action fills a set of its own: the accepted of a service of its name. */
  async #intoKernel(doors: readonly Door[], without: readonly string[]): Promise<void> {
    const placements = doors.map((door): Placement => {
      if (without.includes(door.name)) return { door, reason: 'left out' };
      return { door, action: { verb: 'accept', service: door.name, timeoutS: 600, lifts: false } };
    });
    const compiled = FAMILIES.map(
      (family) =>
        [
          family,
          compileDoors(placements, {
            family,
            instance: 'knock',
            interfaces: ['any'],
            duplicates: this.#options.duplicates ?? 'strict',
            sources: 1024,
          }),
        ] as const,
    );
    this.#compiled = new Map(compiled);
    for (const family of FAMILIES) await run(this.lab, [this.#tool(family, ''), ...this.#wait, '-F']);
    for (const family of FAMILIES) await run(this.lab, [this.#tool(family, ''), ...this.#wait, '-X']);
    await run(this.lab, ['/usr/sbin/ipset', 'destroy']);
    const sets: string[] = [];
    for (const [family, each] of compiled) {
      const kind = `hash:net family ${family === 4 ? 'inet' : 'inet6'} timeout 0`;
      sets.push(...each.touched.map((set) => `create ${set} ${kind}\n${sentinelLine(set, family)}\n`));
      // Lists of the services that the rules only look at.
      const named = [...loadText(each).rules.matchAll(/-set (\S+_(?:banned|decoyed|granted|trusted)[46]) /g)];
      const others = new Set(named.map(([, set = '']) => set).filter((set) => !each.touched.includes(set)));
      sets.push(...[...others].map((set) => `create ${set} ${kind}\n`));
    }
    sets.push(...compiled.map(([, each]) => loadText(each).sets));
    await run(this.lab, ['/usr/sbin/ipset', 'restore'], sets.join(''));
    for (const [family, each] of compiled) {
      const { rules } = loadText(each);
      const restore = [this.#tool(family, '-restore'), '--noflush', ...this.#wait];
      await run(this.lab, restore, this.#options.mutate?.(rules) ?? rules);
    }
  }

  async #kernel(): Promise<Opened> {
    const sources: string[] = [];
    const times: string[] = [];
    const saved = await run(this.lab, ['/usr/sbin/ipset', 'save']);
    for (const line of saved.split('\n')) {
      const [, door = '', source = ''] =
        /^add (\S+)_filter[46] (\S+) timeout \d+(?! nomatch)$/.exec(line) ?? [];
      if (door !== '') sources.push(`${network(source).text} ${door}`);
    }
    for (const [family, { doors }] of this.#compiled) {
      const rules = await run(this.lab, [this.#tool(family, '-save'), '-c', '-t', 'filter']);
      for (const { door, chain } of doors) {
        const counters = [...rules.matchAll(/^\[(\d+):\d+\] -A (\S+) /gm)].filter(
          (match) => match[2] === chain,
        );
        const count = counters.at(-1)?.[1] ?? '0';
        if (count !== '0') times.push(`${door.name} ${family} ${count}`);
      }
    }
    return { sources: sources.sort(), times: times.sort() };
  }

  get #wait(): string[] {
    return this.lab.backend === 'legacy' ? ['-w', '20'] : [];
  }

  #tool(family: Family, suffix: string): string {
    return `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${this.lab.backend}${suffix}`;
  }

  #track(item: Item): void {
    if ('waitMs' in item) {
      this.#nowMs += item.waitMs;
      return;
    }
    const packet = createPacket();
    const family: Family = item.source?.includes(':') === true ? 6 : 4;
    const frame = buildPacket({ destination: ADDRESS.server[family], sequence: (this.#nowMs += 1), ...item });
    if (!decode(frame, frame.length, 'ethernet', packet)) throw new Error('the packet does not decode');
    this.#tracker?.packet(packet, this.#nowMs);
  }

  async #sync(): Promise<void> {
    if (!(await this.#syncs.settle([() => this.#lines()])))
      throw new Error(`knockd did not see the last packet: ${this.#knockd?.describe() ?? 'none'}`);
  }
}

function tally(opened: readonly string[], counts: (line: string) => boolean): Opened {
  const counted = opened.filter(counts);
  const times = new Map<string, number>();
  for (const line of counted) {
    const [source = '', door = ''] = line.split(' ');
    const key = `${door} ${source.includes(':') ? 6 : 4}`;
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  return {
    sources: [...new Set(counted)].sort(),
    times: [...times].map(([key, count]) => `${key} ${count}`).sort(),
  };
}

async function run(lab: Lab, argv: readonly string[], input?: string): Promise<string> {
  const done = await lab.exec('server', argv, input === undefined ? {} : { input });
  if (done.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${done.stderr}\n${input ?? ''}`);
  return done.stdout;
}

function network(text: string): Network {
  const parsed = parseAddress(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.value;
}
