import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { createLab, type Lab } from '../helpers/lab.js';
import type { ExecOptions, ExecResult, LabProcess } from '../helpers/processes.js';
import { KNOCKCTL } from '../helpers/product.js';

/**
 * The folders that the product writes by its default paths, or by those of a knockd.conf, become a
 * copy (/etc) or empty; /dev has what programs need, and a syslog whose datagrams go to stdout.
 */
const MOUNTS = `set -e
cp -a /etc "$1/etc"; mount --bind "$1/etc" /etc
for tool in iptables ip6tables; do ln -sfn /usr/sbin/$tool-$2 /etc/alternatives/$tool; done
mkdir "$1/dev"; for name in null zero random urandom; do : >"$1/dev/$name"; mount --bind /dev/$name "$1/dev/$name"; done
mount --rbind "$1/dev" /dev
for folder in /run /var/lib /var/log; do mount -t tmpfs none $folder; done
exec python3 -uc '
import socket
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
print("ready")
while True: print(log.recv(65536).decode())'`;

/** A server whose /etc, /run, /var/lib, /var/log and /dev/log are its own: for default paths. */
export class Host implements AsyncDisposable {
  readonly lab: Lab;
  readonly #holder: LabProcess;

  constructor(lab: Lab) {
    this.lab = lab;
    const shell = ['/bin/sh', '-c', MOUNTS, 'sh', lab.dir, lab.backend];
    this.#holder = lab.spawn('server', ['/usr/bin/unshare', '--mount', '--propagation', 'private', ...shell]);
  }

  /** Resolves when the folders are there. */
  async ready(): Promise<void> {
    await this.#holder.until('ready\n');
  }

  /** Runs a command on this host. */
  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return this.lab.exec('server', [...this.#enter(), ...argv], options);
  }

  /** The same, left running; its pid is the command's own. */
  spawn(argv: readonly string[]): LabProcess {
    return this.lab.spawn('server', [...this.#enter(), ...argv]);
  }

  /** knockctl, which must succeed; gives standard output. */
  async must(...args: readonly string[]): Promise<string> {
    const done = await this.exec([process.execPath, KNOCKCTL, ...args]);
    assert.equal(done.exitCode, 0, `knockctl ${args.join(' ')}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  read(path: string): string {
    return readFileSync(this.#path(path), 'utf8');
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.#path(path)), { recursive: true });
    writeFileSync(this.#path(path), text);
  }

  /** What came over syslog so far, as `<PRIORITY>… TAG[PID]: TEXT` lines. */
  get syslog(): string {
    return this.#holder.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  #enter(): string[] {
    return ['/usr/bin/nsenter', '--mount', `--target=${this.#holder.pid}`];
  }

  /** The file as it is seen from outside: /proc/PID/root leads into the mount namespace (proc(5)). */
  #path(path: string): string {
    return `/proc/${this.#holder.pid}/root${path}`;
  }
}

/**
 * The two ways of somebody who comes from knockd: no knockctl.conf at all, on a host whose iptables
 * is nft; and one that says only where the files are, on a host whose iptables is legacy.
 */
export const WAYS = [
  { way: 'no knockctl.conf', backend: 'nft', client: 'debian', bare: true },
  { way: 'a knockctl.conf of [paths] only', backend: 'legacy', client: 'ours', bare: false },
] as const;
export type Way = (typeof WAYS)[number];

/** A lab whose server is such a host; an echo server listens on ports 21 and 22. */
export async function createHost({ backend }: Way): Promise<Host> {
  const lab = await createLab({ backend });
  const host = new Host(lab);
  await host.ready();
  for (const port of [21, 22]) await lab.tcpEcho('server', port);
  return host;
}

/** Puts the files in place; gives the options that knockctl needs to find them. */
export function install(host: Host, { bare }: Way, doors: string, trusted = ''): string[] {
  if (bare) {
    host.write('/etc/knockd.conf', doors);
    if (trusted !== '') host.write('/etc/knockctl/knockd.trusted', trusted);
    return [];
  }
  const folder = `${host.lab.dir}/seed`;
  const paths = ['doors', 'trusted', 'rules', 'run', 'state'].map((key) => `${key} = ${folder}/${key}`);
  host.write(`${folder}/doors`, doors);
  host.write(`${folder}/trusted`, trusted);
  host.write(`${folder}/knockctl.conf`, `[paths]\n${paths.join('\n')}\n`);
  return ['-c', `${folder}/knockctl.conf`];
}

/** A file of test/fixtures/seed-configs. */
export function seed(name: string): string {
  return readFileSync(
    fileURLToPath(new URL(`../../../test/fixtures/seed-configs/${name}`, import.meta.url)),
    'utf8',
  );
}
