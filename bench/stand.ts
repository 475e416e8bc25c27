import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Family } from '../src/base/address.js';
import { ADDRESS, createLab, SERVER_INTERFACE, type Lab } from '../test/helpers/lab.js';
import { ip } from '../test/helpers/namespaces.js';
import type { ExecResult, LabProcess } from '../test/helpers/processes.js';
import { KNOCKCTL, Product } from '../test/helpers/product.js';
import { DOOR_PORT, knockctlConf, knockdConf, ourDoors, SEQUENCE, type Engine } from './engines.js';
import type { OurSettings } from './engines.js';

export interface StandOptions extends OurSettings {
  readonly family?: Family;
}

/** A door that opened; times in microseconds. */
export interface Opened {
  /** SYNs that went out behind the last knock before the one that was let in. */
  readonly refused: number;
  /** From the last knock to the SYN that was let in, and to its answer. */
  readonly toSyn: number;
  readonly toAnswer: number;
  /** From the first knock to that answer. */
  readonly whole: number;
}

export interface Knocked {
  /** The knocks that opened the door. */
  readonly opened: readonly Opened[];
  /** Packets of knocks that the link had no room for. */
  readonly lost: number;
}

/** A process that was run to its end; times in microseconds. */
export interface Run {
  readonly wall: number;
  /** For which it had a core, with the processes that it waited for. */
  readonly core: number;
  /** The most that it had resident. */
  readonly peakKb: number;
}

export interface KnockOptions {
  readonly count: number;
  readonly intervalMs: number;
  /** Between the packets of one knock. */
  readonly pauseMs?: number;
  readonly patienceMs: number;
}

export interface FloodOptions {
  readonly seconds: number;
  /** Packets a second; 0, the default, is as many as go out. */
  readonly rate?: number;
  readonly sources?: number;
  readonly protocol?: 'tcp' | 'udp';
  /** The first knock's port by default. */
  readonly port?: number;
}

/** What was sent, and how much of it reached the other side. */
export interface Flooded {
  readonly sent: number;
  readonly arrived: number;
  readonly seconds: number;
  /** Nanoseconds for which the generator had a core: what the server's kernel does with the packets is among them. */
  readonly coreNs: number;
}

export const MILLION = 1_000_000;
/** Those who knock: each address does so once. All of them are local to the client. */
const KNOCKERS = {
  4: { network: '10.99.0.0/16', address: (index: number) => `10.99.${index >> 8}.${index & 255}` },
  6: { network: 'fd99::/64', address: (index: number) => `fd99::${index.toString(16)}` },
} as const;
/** Where the flood's addresses begin; those who knock are not among them. */
const SPOOFED = { 4: '11.0.0.0', 6: '2001:db8::' } as const;
const KNOCKD = '/usr/sbin/knockd';

/** A server with a door, and a client that knocks at it and floods it. */
export class Stand implements AsyncDisposable {
  readonly lab: Lab;
  readonly engine: Engine;
  readonly #family: Family;
  readonly #mac: string;
  readonly #options: StandOptions;
  #product: Product | undefined;
  #knockd: LabProcess | undefined;
  #knockers = 1;

  private constructor(lab: Lab, options: StandOptions) {
    this.lab = lab;
    this.engine = options.engine;
    this.#options = options;
    this.#family = options.family ?? 4;
    const device = ip(['-n', lab.namespace.server, 'link', 'show', SERVER_INTERFACE.client]);
    this.#mac = /link\/ether (\S+)/.exec(device)?.[1] ?? '';
  }

  /** Resolves when a first knock has opened the door. */
  static async open(options: StandOptions): Promise<Stand> {
    const lab = await createLab({ backend: options.backend });
    try {
      const stand = new Stand(lab, options);
      await stand.#prepare();
      await (options.engine === 'knockd' ? stand.#startKnockd() : stand.#startKnockctl());
      const opens = async (): Promise<boolean> => {
        const { opened } = await stand.knock({ count: 1, intervalMs: 0, patienceMs: 500 });
        return opened.length > 0;
      };
      await lab.waitFor(opens, 'a first knock that opens the door');
      return stand;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  get doorSources(): number | null {
    return this.#options.doorSources ?? null;
  }

  /** The product of a stand that is not knockd's. */
  get product(): Product {
    assert.ok(this.#product !== undefined, 'knockd has no product');
    return this.#product;
  }

  /** Knocks, each time from an address that has not knocked yet. */
  async knock({ count, intervalMs, pauseMs = 0, patienceMs }: KnockOptions): Promise<Knocked> {
    const source = KNOCKERS[this.#family].address(this.#knockers);
    this.#knockers += count;
    const times = [intervalMs * 1000, pauseMs * 1000, patienceMs].map(String);
    const where = [ADDRESS.server[this.#family], DOOR_PORT, ...SEQUENCE].map(String);
    const argv = [this.#tool('knocks'), 'eth0', this.#mac, source, String(count), ...times, ...where];
    const done = await this.must(argv, { timeoutMs: count * intervalMs + patienceMs + 20_000 });
    const lines = done.stdout.trimEnd().split('\n');
    const lost = Number(/^lost (\d+)$/.exec(lines.pop() ?? '')?.[1]);
    assert.equal(lines.length, count, done.stdout);
    const opened = lines.flatMap((line): Opened[] => {
      assert.notEqual(line, 'open', 'the door was open before the knock');
      const [refused = NaN, toSyn = NaN, toAnswer = NaN, whole = NaN] = line.split(' ').map(Number);
      if (line === '-') return [];
      return [{ refused, toSyn: toSyn / 1000, toAnswer: toAnswer / 1000, whole: whole / 1000 }];
    });
    return { opened, lost };
  }

  /** Floods the server with packets from spoofed addresses for as long as `meanwhile` takes, `seconds` at the most. */
  async flood<T>(
    { seconds, rate = 0, sources = MILLION, protocol = 'tcp', port = SEQUENCE[0] }: FloodOptions,
    meanwhile: () => Promise<T>,
  ): Promise<{ readonly flooded: Flooded; readonly result: T }> {
    const before = this.#received();
    const from = [protocol, SPOOFED[this.#family], sources].map(String);
    const to = [ADDRESS.server[this.#family], port, seconds, rate].map(String);
    const generator = this.lab.spawn('client', [this.#tool('flood'), 'eth0', this.#mac, ...from, ...to]);
    const result = await meanwhile();
    generator.signal('SIGTERM');
    assert.equal(await generator.closed, 0, generator.describe());
    const [sent = NaN, nanoseconds = NaN, coreNs = NaN] = generator.stdout.split(' ').map(Number);
    const arrived = this.#received() - before;
    return { flooded: { sent, arrived, seconds: nanoseconds / 1e9, coreNs }, result };
  }

  /** VmRSS of each process of the engine, in kB. */
  resident(): number[] {
    return this.#kilobytes('status', 'VmRSS');
  }

  /** The same with what processes share counted once, in parts (Pss of proc(5)). */
  proportional(): number[] {
    return this.#kilobytes('smaps_rollup', 'Pss');
  }

  /** The words of a knockctl command. */
  ctl(...words: readonly string[]): string[] {
    return [process.execPath, KNOCKCTL, '-c', this.product.paths.conf, ...words];
  }

  /** Runs commands in turn on the server, each as a whole process; see runs.c. All must succeed. Gives the runs of each. */
  async runs(times: number, ...commands: readonly (readonly string[])[]): Promise<Run[][]> {
    const words = commands.flatMap((command, index) => (index === 0 ? command : ['--', ...command]));
    const argv = [this.#tool('runs'), String(times), ...words];
    const done = await this.lab.exec('server', argv, { timeoutMs: 60_000 });
    const runs = commands.map((): Run[] => []);
    for (const line of done.stdout.trimEnd().split('\n')) {
      const [which = NaN, code, wall = NaN, core = NaN, peakKb = NaN] = line.split(' ').map(Number);
      assert.equal(code, 0, `${commands[which]?.join(' ') ?? line}: ${done.stderr}`);
      runs[which]?.push({ wall: wall / 1000, core: core / 1000, peakKb });
    }
    return runs;
  }

  /** Supervisor and listener, or knockd. */
  pids(): number[] {
    if (this.#knockd !== undefined) return [this.#knockd.pid];
    return (['supervisor', 'listener'] as const).flatMap((part) => this.product.identity(part)?.pid ?? []);
  }

  /** Kills all of the engine's processes; its rules and sets stay. */
  async kill(): Promise<void> {
    // The supervisor first: it would start another listener.
    await this.product.kill('supervisor');
    if (this.product.identity('listener') !== undefined)
      await this.product.kill('listener').catch(() => undefined);
  }

  /** Loads a whole or a part of the server's IPv4 filter table. */
  async restore(text: string, family: Family = 4): Promise<void> {
    const wait = this.lab.backend === 'legacy' ? ['-w', '20'] : [];
    const tool = family === 4 ? 'iptables' : 'ip6tables';
    const argv = [`/usr/sbin/${tool}-${this.lab.backend}-restore`, '--noflush', ...wait];
    const done = await this.lab.exec('server', argv, { input: text });
    assert.equal(done.exitCode, 0, `${text}: ${done.stderr}`);
  }

  /** Runs a command in the client, which must succeed. */
  async must(argv: readonly string[], options: { readonly timeoutMs?: number } = {}): Promise<ExecResult> {
    const done = await this.lab.exec('client', argv, options);
    assert.equal(done.exitCode, 0, `${argv.join(' ')}: ${done.stderr}${done.stdout}`);
    return done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  async #prepare(): Promise<void> {
    const { server, client } = this.lab.namespace;
    for (const family of [4, 6] as const) {
      const { network } = KNOCKERS[family];
      ip(['-n', server, `-${family}`, 'route', 'add', network, 'via', ADDRESS.client[family]]);
      ip(['-n', client, `-${family}`, 'route', 'add', 'local', network, 'dev', 'lo']);
      // As on a host that drops what it does not accept: no answer to those who knock.
      const ports = `${SEQUENCE[0]}:${SEQUENCE[2]}`;
      await this.#shut(family, ports);
      // What the rules of the doors' own lines come before.
      if (this.engine === 'shell' || this.engine === 'knockd') await this.#shut(family, String(DOOR_PORT));
      // Who is behind each address shall be known before anything is measured.
      await this.must(['/usr/bin/ping', '-c1', '-w5', ADDRESS.server[family]]);
    }
    for (const name of ['knocks', 'flood', 'runs']) {
      const source = fileURLToPath(new URL(`../../bench/${name}.c`, import.meta.url));
      await this.must(['/usr/bin/cc', '-O2', '-Wall', '-Wextra', '-o', this.#tool(name), source]);
    }
    await this.lab.tcpEcho('server', DOOR_PORT);
  }

  async #shut(family: Family, ports: string): Promise<void> {
    await this.lab.iptables('server', family, ['-A', 'INPUT', '-p', 'tcp', '--dport', ports, '-j', 'DROP']);
  }

  #tool(name: string): string {
    return join(this.lab.dir, name);
  }

  async #startKnockctl(): Promise<void> {
    const conf = knockctlConf(this.#options);
    this.#product = new Product(this.lab, { conf, doors: ourDoors(this.#options) });
    await this.#product.start();
  }

  async #startKnockd(): Promise<void> {
    const file = join(this.lab.dir, 'knockd.conf');
    await writeFile(file, knockdConf(this.lab.backend, join(this.lab.dir, 'log')));
    this.#knockd = this.lab.spawn('server', [KNOCKD, '-i', SERVER_INTERFACE.client, '-c', file]);
  }

  #kilobytes(file: string, field: string): number[] {
    return this.pids().map((pid) => {
      const text = readFileSync(`/proc/${pid}/${file}`, 'utf8');
      return Number(new RegExp(`^${field}:\\s+([0-9]+) kB$`, 'm').exec(text)?.[1]);
    });
  }

  /** Packets that the server's interface has passed on. */
  #received(): number {
    const shown = ip(['-n', this.lab.namespace.server, '-s', '-j', 'link', 'show', SERVER_INTERFACE.client]);
    return Number(/"rx":\{"bytes":\d+,"packets":(\d+)/.exec(shown)?.[1]);
  }
}
