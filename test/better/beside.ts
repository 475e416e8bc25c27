/**
 * What is better than in knockd 0.8 (Debian 0.8-2), where that is tested end to end, and what knockd was seen to do with
 * the same packets and files on 2026-11-21. Tests in this folder run both, and show that the scenario tells them apart;
 * elsewhere ours alone is run, and the comment of the test says what knockd did.
 *
 * | better | test | knockd 0.8 |
 * | --- | --- | --- |
 * | a line over 4,095 bytes is an error | configuration | takes the rest of a comment for a directive, and runs it |
 * | a byte order mark is skipped | configuration | all directives must belong to a section, exit 1 |
 * | ports that are none are errors | configuration | 7000abc, 7000 81, 7000;8000 open at 7000; "7000", 7000, and 0 never |
 * | the last one-time sequence disables its door | one-time | is aborted by a double free, exit 134 |
 * | an unreadable line of the file takes no mark | one-time | marks it in place of the one used, which counts again |
 * | one-time sequences over IPv6 | one-time | after the first use nothing over IPv6 opens any more |
 * | the mark is on disk before the command runs | one-time | starts the command first; runs it without a mark, too |
 * | the window is exact | recognition | 0.5 s over the end of a second is too long for a window of 1 s |
 * | one source never disturbs another | recognition | the end of one attempt, good or bad, drops those behind it |
 * | doors that share a prefix all advance | recognition | the longer one is lost where it comes second |
 * | attempts: constant time, bounded number | recognition, test/knock/flood | 130 µs a packet at 15,000, ours 11; no bound |
 * | duplicates = tolerate | test/e2e/repeat | a copy ends the attempt |
 * | own addresses are followed | links, test/e2e/links | hears nothing for a new one |
 * | `any` works for every door | links, test/e2e/links | only a door with a Target, only over IPv4 |
 * | Target in any form of IPv6 | links | the canonical form only |
 * | VLAN tags, IPv6 extension headers | links | hears neither |
 * | IPv6 without link layer (tun), on `any` (SLL) | links | not supported under this link-layer type |
 * | repeat = extend | test/e2e/repeat | a pair of commands for each knock |
 * | pending stops run at a stop, outlive a restart | life, test/e2e/pending-stops | waits for its child until systemd kills both |
 * | commands inherit no descriptors | life, test/e2e/commands | log, capture socket, event descriptor, its caller's |
 * | only literal addresses reach a shell | test/e2e/pending-stops | no difference seen: its addresses come from packets |
 * | HUP with a bad file: the old one stays | life, test/e2e-faults/life-cycle | ends with 1 |
 * | TERM and INT end with 0, doors closed | test/e2e-faults/life-cycle | 15 and 2 |
 * | knock: a port over 65535 is an error | client | sends to 72536 − 65536 = 7000, exit 0 |
 * | knock: -i, --both, --then | client, test/client | unknown options, exit 1 |
 */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';

import { readIfExists } from '../../src/system/files.js';
import { ADDRESS, createLab, type Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import { Product, QUICK } from '../helpers/product.js';
import { buildPacket, type PacketSpec } from '../helpers/packets.js';

export const KNOCKD = '/usr/sbin/knockd';

/** A door that shows, as the last one knocked at, that a daemon has seen all packets before. */
const END = '[end]\nsequence = 6:udp\n';
export const END_PORT = 6;

export interface BesideOptions {
  /** Doors in knockd's notation; DIR becomes a folder of each daemon's own. */
  readonly doors: string;
  /** knockctl.conf of ours beyond [paths]; QUICK by default. */
  readonly conf?: string;
  /** The interface of both; eth0 by default. */
  readonly interface?: string;
}

/** What a daemon has logged and written, ours or knockd. */
export class Daemon {
  /** Its own folder: DIR in its doors. */
  readonly dir: string;

  constructor(lab: Lab, name: string, files: Readonly<Record<string, string>> = {}) {
    this.dir = `${lab.dir}/${name}`;
    mkdirSync(this.dir, { recursive: true });
    for (const [file, text] of Object.entries(files)) writeFileSync(`${this.dir}/${file}`, text);
  }

  get logFile(): string {
    return `${this.dir}/log`;
  }

  /** The text of knockd.conf for this daemon. */
  doors(options: BesideOptions): string {
    const head = `[options]\nlogfile = ${this.logFile}\ninterface = ${options.interface ?? 'eth0'}\n`;
    return head + options.doors.replaceAll('DIR', this.dir) + END;
  }

  /** The lines of the log without their time stamps; knockd ends some of them twice. */
  lines(): string[] {
    const lines = (readIfExists(this.logFile) ?? '').split('\n').filter((line) => line !== '');
    return lines.map((line) => line.replace(/^\[[0-9-]{10} [0-9:]{5}\] /, ''));
  }

  /** The doors that opened, in their order. */
  opened(): string[] {
    return this.lines()
      .map((line) => /: (\S+): OPEN SESAME$/.exec(line)?.[1])
      .filter((door) => door !== undefined)
      .filter((door) => door !== 'end');
  }

  /** A file in its folder, empty where there is none. */
  read(name: string): string {
    return readIfExists(`${this.dir}/${name}`) ?? '';
  }
}

/** Our daemon and Debian's knockd 0.8 on one server, where they hear the same packets. */
export class Beside implements AsyncDisposable {
  readonly lab: Lab;
  readonly ours: Daemon;
  readonly theirs: Daemon;
  readonly product: Product;
  readonly knockd: LabProcess;
  #ends = 0;

  constructor(lab: Lab, options: BesideOptions, files: Readonly<Record<string, string>>) {
    this.lab = lab;
    this.ours = new Daemon(lab, 'ours', files);
    this.theirs = new Daemon(lab, 'theirs', files);
    this.product = new Product(lab, { doors: this.ours.doors(options), conf: options.conf ?? QUICK });
    writeFileSync(`${this.theirs.dir}/knockd.conf`, this.theirs.doors(options));
    this.knockd = lab.spawn('server', [KNOCKD, '-c', `${this.theirs.dir}/knockd.conf`]);
  }

  /** Waits until a daemon has logged so many lines that end so. */
  async until(daemon: Daemon, end: string, times = 1): Promise<void> {
    const said = (): boolean => daemon.lines().filter((line) => line.endsWith(end)).length >= times;
    const what = `${times} × ${end} in ${daemon.logFile}`;
    await this.lab.waitFor(said, what).catch((error: unknown) => {
      throw new Error(`${String(error)}:\n${daemon.lines().join('\n')}\n${this.knockd.describe()}`);
    });
  }

  /** Waits until both, or those named, have seen what was sent before. */
  async settle(daemons = [this.ours, this.theirs], send?: () => Promise<void>): Promise<void> {
    this.#ends += 1;
    if (send !== undefined) await send();
    else await this.lab.knock('client', ADDRESS.server[4], [`${END_PORT}:udp`]);
    for (const daemon of daemons) await this.until(daemon, ': end: OPEN SESAME', this.#ends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }
}

/** Starts both in a lab of their own; `files` are put into the folder of each. */
export async function startBeside(
  options: BesideOptions,
  files: Readonly<Record<string, string>> = {},
  prepare?: (lab: Lab) => Promise<void>,
): Promise<Beside> {
  const lab = await createLab({ backend: 'nft' });
  try {
    await prepare?.(lab);
    const beside = new Beside(lab, options, files);
    await beside.product.start();
    await beside.until(beside.theirs, `listening on ${options.interface ?? 'eth0'}`);
    return beside;
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

/** Sends Ethernet frames; in between `at:F` waits for the fraction F of a second, `sleep:S` for S seconds. */
const FRAMES = `
import socket, sys, time
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
out.bind((sys.argv[1], 0))
for item in sys.argv[2:]:
    if item.startswith('at:'): time.sleep((float(item[3:]) - time.time()) % 1)
    elif item.startswith('sleep:'): time.sleep(float(item[6:]))
    else: out.send(bytes.fromhex(item))
`;

/** Sends packets from the client's eth0 as they are built. */
export async function sendFrames(lab: Lab, items: readonly (PacketSpec | string)[]): Promise<void> {
  const address = await lab.exec('server', ['/usr/bin/cat', '/sys/class/net/eth0/address']);
  const to = Buffer.from(address.stdout.trim().replaceAll(':', ''), 'hex');
  const words = items.map((item) => {
    if (typeof item === 'string') return item;
    const frame = buildPacket(item);
    frame.set(to, 0);
    return frame.toString('hex');
  });
  const done = await lab.exec('client', ['/usr/bin/python3', '-c', FRAMES, 'eth0', ...words]);
  assert.equal(done.exitCode, 0, done.stderr);
}
