import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { Holdings, ip } from '../helpers/namespaces.js';
import { exec, LabProcess, type ExecOptions, type ExecResult } from '../helpers/processes.js';
import { waitFor } from '../helpers/wait.js';

/** The machine's addresses, and those of the client, on the wire between them. */
export const MACHINE = { 4: '10.77.3.1', 6: 'fd77:3::1' } as const;
export const CLIENT = { 4: '10.77.3.2', 6: 'fd77:3::2' } as const;

const BASE = fileURLToPath(new URL('../../../test/host/base.sh', import.meta.url));
const ROOTS = '/var/tmp/knockctl-host';

/** What test/host/base.sh can make. */
export type MachineKind = 'bookworm' | 'trixie' | 'bookworm-node';

/** A Debian root of its own, booted by its own systemd in a container, with a client on a wire to it. */
export class Machine implements AsyncDisposable {
  readonly root: string;
  readonly #holdings = new Holdings();
  readonly #client: string;
  #nspawn: LabProcess | undefined;
  #leader = 0;

  constructor(kind: MachineKind = 'bookworm') {
    const base = execFileSync('/bin/bash', [BASE, kind], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.root = mkdtempSync(`${ROOTS}/machine-`);
    execFileSync('/bin/cp', ['-a', '--reflink=auto', `${base.trim()}/.`, this.root]);
    this.#client = this.#holdings.addNamespace('client');
    ip(['-n', this.#client, 'link', 'set', 'lo', 'up']);
  }

  /** Runs a command in the root before it boots, with the network of the test's own host: for package managers. */
  prepare(...argv: readonly string[]): void {
    execFileSync('/usr/sbin/chroot', [this.root, ...argv], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
        HOME: '/root',
        DEBIAN_FRONTEND: 'noninteractive',
        npm_config_nodedir: '/usr',
        npm_config_cafile: '/etc/ssl/certs/ca-certificates.crt',
      },
    });
  }

  /** Boots, and returns once systemd has started all that it starts. */
  async boot(): Promise<void> {
    const name = this.#holdings.id;
    const flags = [
      '--quiet',
      '--boot',
      '--register=no',
      '--keep-unit',
      '--private-network',
      '--console=pipe',
    ];
    const nspawn = new LabProcess([
      '/usr/bin/systemd-nspawn',
      ...flags,
      `--machine=${name}`,
      `--directory=${this.root}`,
    ]);
    this.#nspawn = nspawn;
    this.#holdings.track(nspawn);
    await waitFor(() => (this.#leader = leaderOf(nspawn.pid)) > 0, `the first process: ${nspawn.describe()}`);
    this.#connect();
    const up = async (): Promise<boolean> => {
      const { stdout } = await this.run('/bin/systemctl', 'is-system-running');
      return /^(?:running|degraded)$/m.test(stdout);
    };
    await waitFor(up, 'systemd to be up');
  }

  /** Shuts it down as an administrator does. */
  async shutDown(): Promise<void> {
    await this.run('/bin/systemctl', 'poweroff');
    await this.#nspawn?.closed;
    this.#nspawn = undefined;
  }

  /** Runs a command on the machine; a non-zero exit is a result. */
  async run(...argv: readonly string[]): Promise<ExecResult> {
    return this.runWith({}, ...argv);
  }

  async runWith(options: ExecOptions, ...argv: readonly string[]): Promise<ExecResult> {
    return exec(['/usr/bin/nsenter', `--target=${this.#leader}`, '--all', '--', ...argv], {
      timeoutMs: 120_000,
      ...options,
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...options.env },
    });
  }

  /** The same, and it must succeed; gives standard output. */
  async must(...argv: readonly string[]): Promise<string> {
    const done = await this.run(...argv);
    if (done.exitCode !== 0)
      throw new Error(`${argv.join(' ')}: ${done.exitCode}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  /** Runs a command at the client. */
  async atClient(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return exec(['/usr/sbin/ip', 'netns', 'exec', this.#client, ...argv], options);
  }

  /** A command at the client that goes on. */
  spawnAtClient(argv: readonly string[]): LabProcess {
    const child = new LabProcess(['/usr/sbin/ip', 'netns', 'exec', this.#client, ...argv]);
    this.#holdings.track(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // With its first process the whole container ends; systemd-nspawn alone would leave it running.
    if (this.#nspawn !== undefined && this.#leader > 0) {
      try {
        process.kill(this.#leader, 'SIGKILL');
      } catch {
        // it has ended
      }
    }
    await this.#nspawn?.kill();
    this.#holdings.release();
    rmSync(this.root, { recursive: true, force: true });
    // What systemd-nspawn leaves.
    rmSync(join(dirname(this.root), `.#${basename(this.root)}.lck`), { force: true });
    rmSync(`/run/systemd/nspawn/propagate/${this.#holdings.id}`, { recursive: true, force: true });
  }

  /** The wire, into the network namespace of the container. */
  #connect(): void {
    const wire = `kc${process.pid}`;
    ip([
      'link',
      'add',
      wire,
      'netns',
      this.#client,
      'type',
      'veth',
      'peer',
      'name',
      'eth0',
      'netns',
      String(this.#leader),
    ]);
    const inside = ['/usr/bin/nsenter', `--target=${this.#leader}`, '--net', '/usr/sbin/ip'];
    for (const [address, prefix] of [
      [MACHINE[4], 24],
      [MACHINE[6], 64],
    ] as const) {
      execFileSync(inside[0] ?? '', [
        ...inside.slice(1),
        'addr',
        'add',
        `${address}/${prefix}`,
        'dev',
        'eth0',
        ...nodad(address),
      ]);
    }
    execFileSync(inside[0] ?? '', [...inside.slice(1), 'link', 'set', 'eth0', 'up']);
    ip(['-n', this.#client, 'addr', 'add', `${CLIENT[4]}/24`, 'dev', wire]);
    ip(['-n', this.#client, 'addr', 'add', `${CLIENT[6]}/64`, 'dev', wire, 'nodad']);
    ip(['-n', this.#client, 'link', 'set', wire, 'up']);
  }
}

function nodad(address: string): string[] {
  return address.includes(':') ? ['nodad'] : [];
}

/** The first process of the container; 0 while there is none. Before it there is another child for a moment, in our own namespaces. */
function leaderOf(pid: number): number {
  try {
    const child = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? '';
    const isInside = readlinkSync(`/proc/${child}/ns/net`) !== readlinkSync('/proc/self/ns/net');
    return isInside && readFileSync(`/proc/${child}/comm`, 'utf8') === 'systemd\n' ? Number(child) : 0;
  } catch {
    return 0; // it has ended
  }
}
