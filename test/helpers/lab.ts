import { fileURLToPath } from 'node:url';

import type { Family } from '../../src/base/address.js';
import { Holdings, ip, removeLeftovers } from './namespaces.js';
import { finish, LabProcess, type ExecOptions, type ExecResult, type StartOptions } from './processes.js';
import { waitFor } from './wait.js';

export type Backend = 'nft' | 'legacy';
export type Place = 'server' | 'client' | 'client2';

/** Addresses in a lab. Both clients reach the server's first one; `server2` is its address towards client2. */
export const ADDRESS = {
  server: { 4: '10.77.1.1', 6: 'fd77:1::1' },
  client: { 4: '10.77.1.2', 6: 'fd77:1::2' },
  server2: { 4: '10.77.2.1', 6: 'fd77:2::1' },
  client2: { 4: '10.77.2.2', 6: 'fd77:2::2' },
} as const;

/** The server's interfaces; the clients have one `eth0` each. */
export const SERVER_INTERFACE = { client: 'eth0', client2: 'eth1' } as const;

/** A TCP connection with the echo server that stays open. */
export interface Session {
  /** True where one line of text comes back in time (20 s by default). */
  readonly echo: (text: string, timeoutMs?: number) => Promise<boolean>;
  readonly close: () => Promise<void>;
}

export interface KnockOptions {
  /**
   * `plain` (by default) is peer.c, which only sends the packets; `ours` (by default where there are `args`) is
   * dist/app/bin/knock.js, `debian` the one of Debian's package knockd.
   */
  readonly client?: 'plain' | 'ours' | 'debian';
  /** Options before the host, such as `-u`; not for `plain`. */
  readonly args?: readonly string[];
}

/** peer.c, as init/setup.sh compiles it: a start takes 1 ms, where Node takes 66. */
export const PEER = fileURLToPath(new URL('peer', import.meta.url));

const OURS = fileURLToPath(new URL('../../app/bin/knock.js', import.meta.url));
const KNOCK = {
  plain: [PEER, 'knock'],
  ours: [process.execPath, OURS],
  debian: ['/usr/bin/knock'],
} as const;

const PLACES = ['server', 'client', 'client2'] as const;
const CONNECT_TIMEOUT_MS = 700;
/** What peer.c exits with if there is no connection. */
const NO_CONNECTION = 3;

/** A server and two clients in network namespaces of their own; see createLab. */
export class Lab implements AsyncDisposable {
  readonly backend: Backend;
  /** A temp directory of the server's own, for configuration, run and state files. */
  readonly dir: string;
  /** The names that ip(8) knows the namespaces by. */
  readonly namespace: Readonly<Record<Place, string>>;
  readonly #holdings: Holdings;
  readonly #processes = new Set<LabProcess>();

  constructor(backend: Backend, holdings: Holdings) {
    this.backend = backend;
    this.dir = holdings.dir;
    this.#holdings = holdings;
    const add = (place: Place): string => holdings.addNamespace(place);
    this.namespace = { server: add('server'), client: add('client'), client2: add('client2') };
    this.#connect();
  }

  /** Starts a process that is killed, at the latest, when the lab is disposed of. */
  spawn(place: Place, argv: readonly string[], options: StartOptions = {}): LabProcess {
    // ip(8) becomes the command, so the pid is the command's own.
    const child = new LabProcess(['/usr/sbin/ip', 'netns', 'exec', this.namespace[place], ...argv], options);
    this.#processes.add(child);
    this.#holdings.track(child);
    return child;
  }

  /** Runs a command to its end; a non-zero exit is a result, a time-out rejects. */
  async exec(place: Place, argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    const child = this.spawn(place, argv, options);
    try {
      return await finish(child, options);
    } finally {
      this.#processes.delete(child);
    }
  }

  /** Runs the lab's iptables or ip6tables; rejects where it fails. */
  async iptables(place: Place, family: Family, args: readonly string[]): Promise<string> {
    // The lock of the legacy back end is one file for all namespaces.
    return this.#must(place, [this.#tool(family, ''), '-w', '20', ...args]);
  }

  /** iptables-save or ip6tables-save, counters at zero, without the comment lines that bear the time. */
  async save(place: Place, family: Family): Promise<string> {
    const text = await this.#must(place, [this.#tool(family, '-save')]);
    return text.replaceAll(/^# (?:Generated|Completed) .*\n/gm, '').replaceAll(/\[\d+:\d+\]/g, '[0:0]');
  }

  /** Starts an echo server on every address of both families and waits until it listens. */
  async tcpEcho(place: Place, port: number): Promise<LabProcess> {
    const server = this.spawn(place, [PEER, 'echo', String(port)]);
    await server.until('listening\n');
    return server;
  }

  /** One connection attempt. Below one second, the default, it sends one SYN and no second. */
  async canConnect(
    from: Place,
    address: string,
    port: number,
    timeoutMs = CONNECT_TIMEOUT_MS,
  ): Promise<boolean> {
    const done = await this.exec(from, client('probe', address, port, timeoutMs));
    if (done.exitCode === 0) return true;
    if (done.exitCode === NO_CONNECTION) return false;
    throw new Error(`the connection attempt itself failed with ${done.exitCode}: ${done.stderr}`);
  }

  /** Opens a connection to an echo server and keeps it; rejects where it does not come up in 5 s. */
  async openSession(from: Place, address: string, port: number): Promise<Session> {
    const child = this.spawn(from, client('session', address, port, 5000));
    await child.until('connected\n');
    let sent = 0;
    return {
      echo: async (text, timeoutMs = 20_000) => {
        sent += 1;
        const line = `#${sent}:${text}\n`;
        child.write(line);
        return child.until(line, timeoutMs).then(
          () => true,
          () => false,
        );
      },
      close: async () => {
        await child.kill();
      },
    };
  }

  /** Knocks, as `PORT` or `PORT:PROTOCOL`. */
  async knock(
    from: Place,
    host: string,
    ports: readonly (string | number)[],
    options: KnockOptions = {},
  ): Promise<ExecResult> {
    const program = KNOCK[options.client ?? (options.args === undefined ? 'plain' : 'ours')];
    return this.exec(from, [...program, ...(options.args ?? []), host, ...ports.map(String)]);
  }

  /** Asks until the condition holds; see wait.ts. */
  async waitFor(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    return waitFor(condition, what);
  }

  /** Kills everything that runs in the lab, daemons included, and removes all of it. */
  async dispose(): Promise<void> {
    this.#holdings.release();
    await Promise.allSettled([...this.#processes].map((child) => child.closed));
    this.#processes.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #connect(): void {
    const { server, client: first, client2: second } = this.namespace;
    for (const place of PLACES) ip(['-n', this.namespace[place], 'link', 'set', 'lo', 'up']);
    ip(['-n', server], [`link add eth0 type veth peer name eth0 netns ${first}`]);
    ip(['-n', server], [`link add eth1 type veth peer name eth0 netns ${second}`]);
    ip(['-n', server], [...up('eth0', ADDRESS.server), ...up('eth1', ADDRESS.server2)]);
    ip(['-n', first], [...up('eth0', ADDRESS.client), ...via(ADDRESS.server)]);
    ip(['-n', second], [...up('eth0', ADDRESS.client2), ...via(ADDRESS.server2)]);
  }

  #tool(family: Family, suffix: '' | '-save'): string {
    return `/usr/sbin/${family === 4 ? 'iptables' : 'ip6tables'}-${this.backend}${suffix}`;
  }

  async #must(place: Place, argv: readonly string[]): Promise<string> {
    const done = await this.exec(place, argv);
    if (done.exitCode !== 0)
      throw new Error(`${argv.join(' ')} failed with ${done.exitCode}: ${done.stderr}`);
    return done.stdout;
  }
}

/**
 * Makes a lab: three namespaces, client ↔ server ↔ client2, usable at once in both families, with an
 * empty filter table. Dispose of it (`await using`, or dispose()); it also goes when this process
 * exits or gets SIGINT or SIGTERM, and the next lab removes what a killed run has left.
 */
export async function createLab(options: { readonly backend: Backend }): Promise<Lab> {
  removeLeftovers();
  const holdings = new Holdings();
  try {
    const lab = new Lab(options.backend, holdings);
    // nft creates its table with the first change: now, so that what is saved later is the same for all.
    for (const family of [4, 6] as const) await lab.iptables('server', family, ['-P', 'INPUT', 'ACCEPT']);
    return lab;
  } catch (error) {
    holdings.release();
    throw error;
  }
}

function up(device: string, address: Readonly<Record<Family, string>>): string[] {
  return [
    `addr add ${address[4]}/24 dev ${device}`,
    // nodad: the address can be used at once, without the second that its check takes.
    `addr add ${address[6]}/64 dev ${device} nodad`,
    `link set ${device} up`,
  ];
}

function via(server: Readonly<Record<Family, string>>): string[] {
  return [`route add default via ${server[4]}`, `route add default via ${server[6]}`];
}

function client(mode: 'probe' | 'session', address: string, port: number, timeoutMs: number): string[] {
  return [PEER, mode, address, String(port), String(timeoutMs)];
}
