import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { ListName } from '../../src/base/lists.js';
import { readIfExists } from '../../src/system/files.js';
import { isAlive, parseIdentity, signal, type ProcessIdentity } from '../../src/system/process.js';
import { ask } from '../../src/ctl/supervisor-client.js';
import type { EventRecord, Request } from '../../src/wire/control.js';
import type { ListedEntry, StatusReport } from '../../src/wire/reports.js';
import type { Lab, Place } from './lab.js';
import type { ExecOptions, ExecResult, LabProcess } from './processes.js';
import { quickStart } from './quick-start.js';
import { waitFor } from './wait.js';

/** Short times for tests, in the words of knockctl.conf: the switch trips 3 s after the last feeding. */
export const QUICK = `[failsafe]
heartbeat = 1
switch_timeout = 3
listener_timeout = 2
`;

export interface ProductOptions {
  /** knockctl.conf beyond its [paths]; QUICK by default, which protects nothing. */
  readonly conf?: string;
  /** The text of knockd.conf. */
  readonly doors: string;
  /** The text of knockd.trusted; empty by default. */
  readonly trusted?: string;
  /** The folder in the lab's that holds all of it; for a second instance, or a long path. */
  readonly folder?: string;
  /** Where it runs; the server by default. */
  readonly place?: Place;
}

export type Part = 'supervisor' | 'listener';

export const KNOCKCTL = fileURLToPath(new URL('../../app/bin/knockctl.js', import.meta.url));

/** knockctl in a lab, as its user has it: files in a folder, and the command line. */
export class Product {
  readonly lab: Lab;
  readonly place: Place;
  /** Words before each command, such as those that give it another view of the machine; see inMountNamespace. */
  before: readonly string[] = [];
  readonly paths: {
    readonly conf: string;
    readonly doors: string;
    readonly trusted: string;
    readonly rules: string;
    readonly run: string;
    readonly state: string;
    /** The log of a supervisor that was given no other place. */
    readonly log: string;
  };

  /** Writes the files; starts nothing. What runs later is killed, at the latest, with the lab. */
  constructor(lab: Lab, options: ProductOptions) {
    this.lab = lab;
    this.place = options.place ?? 'server';
    const folder = join(lab.dir, options.folder ?? 'product');
    const path = (name: string): string => join(folder, name);
    this.paths = {
      conf: path('knockctl.conf'),
      doors: path('knockd.conf'),
      trusted: path('knockd.trusted'),
      rules: path('rules'),
      run: path('run'),
      state: path('state'),
      log: path('state/knockctl.log'),
    };
    mkdirSync(folder, { recursive: true });
    writeFileSync(this.paths.doors, options.doors);
    writeFileSync(this.paths.trusted, options.trusted ?? '');
    this.configure(options.conf ?? QUICK);
  }

  /** Writes knockctl.conf anew: [paths], and `conf` behind it. */
  configure(conf: string): void {
    const { doors, trusted, rules, run, state } = this.paths;
    const paths = Object.entries({ doors, trusted, rules, run, state });
    const lines = paths.map(([key, value]) => `${key} = ${value}`);
    writeFileSync(this.paths.conf, `[paths]\n${lines.join('\n')}\n${conf}`);
  }

  /** `knockctl -c FILE …` to its end; a non-zero exit is a result. */
  async ctl(args: readonly string[], options: ExecOptions = {}): Promise<ExecResult> {
    return this.lab.exec(this.place, this.#argv(args), options);
  }

  /** The same, left running: for `run` and `events --follow`. */
  spawn(args: readonly string[]): LabProcess {
    return this.lab.spawn(this.place, this.#argv(args));
  }

  /** As ctl, but it must exit with 0; gives standard output. */
  async must(...args: readonly string[]): Promise<string> {
    const done = await this.ctl(args);
    assert.equal(done.exitCode, 0, `knockctl ${args.join(' ')}: ${done.stderr}${done.stdout}`);
    return done.stdout;
  }

  /**
   * Starts it; it must be armed. Without the command `start`, which has tests of its own, unless words stand before each command:
   * that is a quarter of what a start costs.
   */
  async start(): Promise<void> {
    const { conf, run, state, log } = this.paths;
    if (this.before.length > 0) {
      await this.must('start');
      return;
    }
    const outcome = await quickStart({ namespace: this.lab.namespace[this.place], conf, run, state, log });
    assert.equal(outcome?.exitCode, 0, `start: ${outcome?.text ?? ''}\n${readIfExists(log) ?? ''}`);
  }

  /** Stops it; that must succeed and leave nothing. Asks the supervisor itself, as start does; the command if none runs. */
  async stop(): Promise<void> {
    const supervisor = this.identity('supervisor');
    if (supervisor === undefined || !isAlive(supervisor) || this.before.length > 0) {
      await this.must('stop');
      return;
    }
    const answer = await ask(this.#socket, { verb: 'stop' }, { timeoutMs: 120_000 });
    assert.ok(answer.kind === 'reply' && answer.reply.exitCode === 0, `stop: ${JSON.stringify(answer)}`);
    await waitFor(() => !isAlive(supervisor), 'the end of the supervisor');
  }

  /** What `status --json` prints, whatever its exit code; rejects if it prints no document. */
  async status(): Promise<StatusReport> {
    const asked = await this.#ask({ verb: 'status' });
    return isReport(asked) ? asked : parse((await this.ctl(['status', '--json'])).stdout, isReport);
  }

  /** What `list --json` prints: what the kernel holds. */
  async list(name?: ListName): Promise<readonly ListedEntry[]> {
    const asked = await this.#ask({ verb: 'list', ...(name === undefined ? {} : { list: name }) });
    if (isListing(asked)) return asked;
    return parse(await this.must('list', ...(name === undefined ? [] : [name]), '--json'), isListing);
  }

  /** The addresses in a list, in no particular order. */
  async addresses(name: ListName): Promise<string[]> {
    return (await this.list(name)).map((entry) => entry.address);
  }

  /** `events --json`. */
  async events(): Promise<readonly EventRecord[]> {
    const lines = (await this.must('events', '--json')).trim().split('\n');
    return lines.map((line) => parse(line, isHappening));
  }

  async waitForState(state: string): Promise<void> {
    const is = async (): Promise<boolean> => (await this.status()).state === state;
    await waitFor(is, `the state ${state}`);
  }

  /** The log without the time stamps of its lines. */
  log(file = this.paths.log): string[] {
    const lines = readFileSync(file, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => line.replace(/^\[[0-9-]{10} [0-9:]{5}\] /, ''));
  }

  /** Waits until `times` lines of the log match. */
  async waitForLog(pattern: RegExp, times = 1): Promise<void> {
    const said = (): boolean => this.log().filter((line) => pattern.test(line)).length >= times;
    await waitFor(said, `${times} × ${String(pattern)} in the log`);
  }

  /** The supervisor or the listener, as its file in the run folder names it; undefined where none is noted. */
  identity(part: Part): ProcessIdentity | undefined {
    return parseIdentity(readIfExists(join(this.paths.run, part)));
  }

  /** Signals the supervisor or the listener; it must be alive. */
  signal(part: Part, name: NodeJS.Signals): ProcessIdentity {
    const identity = this.identity(part);
    assert.ok(identity !== undefined && signal(identity, name), `there is no ${part} to signal`);
    return identity;
  }

  /** SIGKILL, and waits for the end of that process. */
  async kill(part: Part): Promise<void> {
    const identity = this.signal(part, 'SIGKILL');
    await waitFor(() => !isAlive(identity), `the end of the ${part}`);
  }

  /** The data of the supervisor's answer, without a start of Node; undefined if there is no answer. */
  async #ask(request: Request): Promise<unknown> {
    // What answers late or badly is for the command to tell.
    const answer = await ask(this.#socket, request, { timeoutMs: 2_000 }).catch(() => undefined);
    return answer?.kind === 'reply' && answer.reply.exitCode === 0 ? answer.reply.data : undefined;
  }

  get #socket(): string {
    return join(this.paths.run, 'control.sock');
  }

  #argv(args: readonly string[]): string[] {
    return [...this.before, process.execPath, KNOCKCTL, '-c', this.paths.conf, ...args];
  }
}

function parse<T>(text: string, is: (value: unknown) => value is T): T {
  const value: unknown = JSON.parse(text);
  if (!is(value)) throw new Error(`knockctl printed something unexpected: ${text}`);
  return value;
}

function isReport(value: unknown): value is StatusReport {
  return typeof value === 'object' && value !== null && 'state' in value;
}

function isListing(value: unknown): value is readonly ListedEntry[] {
  return Array.isArray(value);
}

function isHappening(value: unknown): value is EventRecord {
  return typeof value === 'object' && value !== null && 'kind' in value && 'text' in value;
}
