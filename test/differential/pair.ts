import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { readIfExists } from '../../src/system/files.js';
import { createLab, type Lab } from '../helpers/lab.js';
import type { LabProcess } from '../helpers/processes.js';
import { Product } from '../helpers/product.js';
import { commandCounter, logLines, observe, type Observation } from './observation.js';
import { Sender, type Item } from './sender.js';
import { isSyncSource, Sync, SYNC_DOOR } from './sync.js';

export const KNOCKD = '/usr/sbin/knockd';

export const DAEMONS = ['ours', 'knockd'] as const;

export type Daemon = (typeof DAEMONS)[number];
export type Both<T> = Readonly<Record<Daemon, T>>;

const STARTED = 'starting up, listening on eth0';
const RELOADED = 'configuration reloaded';
/** A listener is not to be taken for hung while two cores do ten things. */
const CONF = '[failsafe]\nswitch_timeout = 60\nlistener_timeout = 30\n';

/** Of 2,000 (STRANGERS_BURST in src/runtime/journal/journal.ts). */
const MOST_LINES = 800;

/**
 * knockctl and Debian's knockd side by side on the server of a lab: on the same device, so that they capture the very
 * same packets, with the same configuration but for where they log and write to.
 */
export class Pair implements AsyncDisposable {
  readonly lab: Lab;
  readonly sender: Sender;
  readonly product: Product;
  #knockd: LabProcess | undefined;
  #loads = 0;
  readonly #syncs: Sync;
  /** How much of our log was there before the configuration in force. */
  #oursFrom = 0;
  /** The same before it was started. */
  #startedFrom = 0;
  #count: (log: readonly string[]) => number = () => 0;
  readonly #settled: { readonly load: number; readonly ran: Both<readonly string[]> }[] = [];

  private constructor(lab: Lab, sender: Sender) {
    this.lab = lab;
    this.sender = sender;
    this.#syncs = new Sync(sender);
    mkdirSync(`${lab.dir}/out`);
    this.product = new Product(lab, { doors: '', conf: CONF });
  }

  static async open(): Promise<Pair> {
    const lab = await createLab({ backend: 'nft' });
    try {
      return new Pair(lab, await Sender.start(lab));
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /**
   * Puts doors in force at both: knockd is started afresh, for its attempts outlive a HUP; ours is started, or told to
   * read again, which drops attempts at doors that change (those at a door that stays may go on). `OUT` in the text
   * becomes the file that the commands of a daemon are to write to.
   */
  async load(doors: string): Promise<void> {
    await this.#knockd?.kill();
    this.#loads += 1;
    this.#writeDoors(doors);
    this.#knockd = this.lab.spawn('server', [KNOCKD, '-c', this.#knockdConf]);
    this.#oursFrom = this.#readLog('ours').length;
    const isFresh = this.#loads === 1 || this.#isTalkedOut();
    if (isFresh) await this.#startOurs();
    else this.product.signal('supervisor', 'SIGHUP');
    const reloaded = isFresh ? STARTED : RELOADED;
    await this.#until(() => this.log('ours').includes(reloaded), 'our configuration');
    await this.#until(() => this.log('knockd').includes(STARTED), 'knockd');
  }

  /**
   * Changes the doors by HUP, once the log files are moved away, as logrotate does. What was logged before is forgotten;
   * `OUT` stays the file it was.
   */
  async hangUp(doors: string): Promise<void> {
    const written = this.output('knockd').length;
    this.#writeDoors(doors);
    const count = this.#count;
    this.#count = (log) => written + count(log);
    for (const daemon of DAEMONS) renameSync(this.logFile(daemon), `${this.logFile(daemon)}.1`);
    this.#knockd?.signal('SIGHUP');
    this.product.signal('supervisor', 'SIGHUP');
    this.#oursFrom = 0;
    await this.#until(() => this.log('ours').includes(RELOADED), 'our configuration');
    await this.#until(() => existsSync(this.logFile('knockd')), 'the new log file of knockd');
  }

  /**
   * Sends, and waits until both have seen all and their commands have written what they write. A batch is sent at once,
   * the next one when both have seen it: the ring of our capture holds some 160 packets (src/listener/capture.ts),
   * and what comes faster than a busy machine takes it is lost, as on a real one.
   */
  async run(...batches: readonly (readonly Item[])[]): Promise<Both<Observation>> {
    for (const batch of batches) {
      await this.sender.send(batch);
      await this.#sync();
    }
    return this.#settle();
  }

  /** Ours tells so many lines of strangers at once and no more: in good time it begins anew. */
  #isTalkedOut(): boolean {
    return logLines(this.#readLog('ours').slice(this.#startedFrom)).length > MOST_LINES;
  }

  async #startOurs(): Promise<void> {
    if (this.#loads > 1) await this.product.stop();
    this.#oursFrom = this.#readLog('ours').length;
    this.#startedFrom = this.#oursFrom;
    await this.product.start();
  }

  /** Waits until both have seen all that was sent. */
  async #sync(): Promise<void> {
    const isSettled = await this.#syncs.settle(DAEMONS.map((daemon) => () => this.log(daemon)));
    if (!isSettled) throw this.#failure('a daemon did not see the last packet');
  }

  async #settle(): Promise<Both<Observation>> {
    const done = (daemon: Daemon): boolean => this.output(daemon).length >= this.#count(this.log(daemon));
    // Output that does not come is a finding, which the comparison shows better than an error here.
    await this.#until(() => done('ours') && done('knockd'), 'commands').catch(() => undefined);
    this.#settled.push({
      load: this.#loads,
      ran: { ours: this.output('ours'), knockd: this.output('knockd') },
    });
    return { ours: this.observation('ours'), knockd: this.observation('knockd') };
  }

  observation(daemon: Daemon): Observation {
    return observe(this.log(daemon), this.output(daemon), isSyncSource);
  }

  /** What a daemon has logged since its configuration came into force. */
  log(daemon: Daemon): string[] {
    return logLines(this.#readLog(daemon).slice(daemon === 'ours' ? this.#oursFrom : 0));
  }

  logFile(daemon: Daemon): string {
    return daemon === 'ours' ? `${this.lab.dir}/ours.log` : `${this.lab.dir}/out/knockd-${this.#loads}.log`;
  }

  outFile(daemon: Daemon, load = this.#loads): string {
    return `${this.lab.dir}/out/${daemon}-${load}`;
  }

  /** Lines that the commands have written. */
  output(daemon: Daemon, load = this.#loads): string[] {
    return (readIfExists(this.outFile(daemon, load)) ?? '').split('\n').slice(0, -1);
  }

  /** What the commands wrote after they were last looked at: a command too many may be a late one. */
  late(): string[] {
    const last = new Map(this.#settled.map((each) => [each.load, each.ran]));
    return [...last].flatMap(([load, ran]) =>
      DAEMONS.flatMap((daemon) =>
        this.output(daemon, load)
          .slice(ran[daemon].length)
          .map((line) => `${daemon}: ${line}`),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.dispose();
  }

  /** The same text for both, but for the files of each. */
  #writeDoors(doors: string): void {
    this.#count = commandCounter(doors);
    const text = (daemon: Daemon): string =>
      `[options]\nlogfile = ${this.logFile(daemon)}\ninterface = eth0\n` +
      doors.replaceAll('OUT', this.outFile(daemon)) +
      SYNC_DOOR;
    writeFileSync(this.#knockdConf, text('knockd'));
    writeFileSync(this.product.paths.doors, text('ours'));
  }

  get #knockdConf(): string {
    return `${this.lab.dir}/knockd.conf`;
  }

  #readLog(daemon: Daemon): string {
    return readIfExists(this.logFile(daemon)) ?? '';
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    await this.lab.waitFor(condition, what).catch((error: unknown) => {
      throw this.#failure(String(error));
    });
  }

  /** An error with what both have said. */
  #failure(what: string): Error {
    const logs = [this.product.paths.log, this.logFile('ours'), this.logFile('knockd')];
    const tails = logs.map((file) => `${file}:\n${(readIfExists(file) ?? '').slice(-2_000)}`);
    return new Error(`${what}\n${this.#knockd?.describe() ?? ''}\n${tails.join('\n')}`);
  }
}

/** The text of a configuration file, for error messages. */
export function configurationOf(pair: Pair): string {
  return readFileSync(pair.product.paths.doors, 'utf8');
}
