import { errorText } from '../base/errors.js';
import { LISTS } from '../base/lists.js';
import type { SetChange, SetMemory } from '../firewall/set-memory.js';
import type { SetStore } from '../firewall/set-store.js';
import { listSets, parseEntries, type Entry, type SetHeader } from '../firewall/sets.js';
import type { Clock, Timer } from '../system/clock.js';
import type { MomentReader } from '../system/moment.js';
import type { KeeperReport } from '../wire/reports.js';
import { EntryChanges } from './entry-changes.js';
import { countLines, entryLines } from './entry-file.js';
import { EntryFiles, type EntryFolders, type KeptSet } from './entry-files.js';
import { ExactTimes } from './exact-times.js';
import type { Journal } from './journal.js';
import { Turns } from './turns.js';

export interface EntryKeeperParts {
  readonly folders: EntryFolders;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly moment: MomentReader;
  /** The sets in force; others after a reload. */
  readonly sets: () => SetStore;
}

interface Keeping {
  readonly set: KeptSet;
  readonly changes: EntryChanges;
  readonly exact: ExactTimes;
  /** Entries in the file, as they were when it was written; undefined: this life has not written it. */
  inFile: number | undefined;
  /** It is to be written. */
  due: boolean;
  savedMs: number;
  /** Not to be written again before this: monotonic milliseconds. */
  restUntilMs: number;
}

/** A change is written after this, together with what comes meanwhile. */
const WINDOW_MS = 200;
/** A file is written at most twice a second, and writing takes a fifth of the time at most: a million entries take a second. */
const REST_MS = 400;
const REST_FACTOR = 4;
/** What others change by hand in a set of more entries than SMALL is taken over after this, else at once. */
const BY_HAND_MS = 60_000;
const SMALL = 2_000;
/** Written anew after this in any case: over a reboot, time is counted from here, by a clock that may have been set. */
const STALE_MS = 600_000;

/**
 * Keeps what the sets hold beyond the life of the kernel. It has no list of its own: the kernel is the truth, and its
 * own dump of a set is what is written (so entries that somebody put in or took out by hand are right too). Sets that
 * have to be made anew get back what is left; so does one that somebody else has emptied.
 */
export class EntryKeeper implements SetMemory {
  readonly #parts: EntryKeeperParts;
  readonly #files: EntryFiles;
  readonly #turns = new Turns();
  readonly #kept = new Map<string, Keeping>();
  /** Why files could not be written, by set. */
  readonly #problems = new Map<string, string>();
  /** The sets of the services in force. */
  #names: readonly string[] = [];
  #timer: Timer | undefined;
  #heartbeat: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #checking = false;
  #closed = false;
  #savedAt: Date | undefined;

  constructor(parts: EntryKeeperParts) {
    this.#parts = parts;
    this.#files = new EntryFiles(parts.folders, parts.journal);
  }

  get report(): KeeperReport {
    const [problem] = this.#problems.values();
    return { saved: this.#savedAt?.toISOString() ?? null, problem: problem ?? null };
  }

  /** Begins to keep the sets of these services, or goes over to others; each is written soon. */
  begin(services: readonly string[], heartbeatMs: number): void {
    this.#names = setNames(services);
    for (const name of this.#kept.keys()) if (!this.#names.includes(name)) this.#kept.delete(name);
    try {
      this.#files.dropStrangers(new Set(this.#names));
    } catch (error) {
      this.#record(`cannot drop the entries of services that are gone: ${errorText(error)}`, 'warn');
    }
    for (const name of this.#names) this.#mark(this.#keeping(name));
    this.#heartbeat?.[Symbol.dispose]();
    this.#heartbeat = this.#parts.clock.every(heartbeatMs, () => void this.check());
  }

  async recall(name: string): Promise<readonly Entry[]> {
    const keeping = this.#keeping(name);
    if (keeping === undefined || this.#closed) return [];
    const entries = await this.#left(keeping);
    keeping.exact.note(entries, this.#parts.clock.nowMs());
    if (entries.length > 0) {
      this.#record(`${entries.length} entries of ${name} are put back, for the time that each had left`);
    }
    return entries;
  }

  unfit(sets: readonly string[], error: unknown): void {
    this.#record(`the entries of ${sets.join(', ')} could not be put back: ${errorText(error)}`, 'error');
  }

  async change(name: string, change: SetChange, act: () => Promise<void>): Promise<void> {
    const keeping = this.#keeping(name);
    if (keeping === undefined || this.#closed) return act();
    return this.#turns.take(name, async () => {
      keeping.changes.note(change);
      if (change.kind === 'add') keeping.exact.note(change.entries, this.#parts.clock.nowMs());
      try {
        await act();
      } finally {
        this.#mark(keeping);
      }
    });
  }

  /** Looks for what others did to the sets, by their numbers of entries. */
  async check(): Promise<void> {
    if (this.#checking || this.#closed) return;
    this.#checking = true;
    try {
      const headers = await this.#parts.sets().headers();
      for (const name of this.#names) this.#judge(this.#keeping(name), headers.get(name));
      await this.#saveDue();
    } catch {
      // A kernel that does not let us look: the heartbeat and the check of the rules say so, and trip.
    } finally {
      this.#checking = false;
    }
  }

  /** Writes what has changed, now: for a command that ends. */
  async finish(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    for (const keeping of this.#kept.values()) keeping.restUntilMs = 0;
    await this.#saveDue();
    this.#closed = true;
  }

  /**
   * Writes everything a last time, before the sets of these services go. `keep`: they stay, for a supervisor that takes
   * over.
   */
  async end(services: readonly string[], keep: boolean): Promise<void> {
    this.#heartbeat?.[Symbol.dispose]();
    const headers = await this.#parts.sets().headers();
    for (const name of setNames(services)) {
      const keeping = this.#keeping(name);
      if (keeping !== undefined && headers.has(name)) keeping.due = true;
    }
    await this.finish();
    if (keep) return;
    // Who was trusted by hand, and not for good, is not after a stop.
    for (const { set } of this.#kept.values()) if (set.list === 'trusted') this.#files.forget(set);
  }

  /** After this nothing is written any more, whatever happens to the sets. */
  close(): void {
    this.#closed = true;
    this.#heartbeat?.[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
  }

  #judge(keeping: Keeping | undefined, header: SetHeader | undefined): void {
    if (keeping === undefined || header === undefined) return; // a set that is missing is made anew by the health check
    const { inFile, changes, savedMs } = keeping;
    const age = this.#parts.clock.nowMs() - savedMs;
    if (inFile === undefined || changes.any || this.#problems.has(keeping.set.name)) keeping.due = true;
    else if (changes.lookEmptied(inFile, header.entries)) {
      keeping.due = true;
      keeping.restUntilMs = 0;
    } else if (header.entries !== inFile && (header.entries < SMALL || age > BY_HAND_MS)) keeping.due = true;
    else if (age > STALE_MS && header.entries > 0) keeping.due = true;
  }

  #mark(keeping: Keeping | undefined): void {
    if (keeping === undefined) return;
    keeping.due = true;
    this.#wait();
  }

  /** Sets the timer for the next write. */
  #wait(): void {
    if (this.#timer !== undefined || this.#closed) return;
    const due = [...this.#kept.values()].filter((keeping) => keeping.due);
    if (due.length === 0) return;
    const nowMs = this.#parts.clock.nowMs();
    const restMs = Math.min(...due.map((keeping) => keeping.restUntilMs)) - nowMs;
    this.#timer = this.#parts.clock.after(Math.max(WINDOW_MS, restMs), () => {
      this.#timer = undefined;
      void this.#saveDue();
    });
  }

  /** Writes one set after the other, those that have rested. Never rejects. */
  async #saveDue(): Promise<void> {
    const save = async (): Promise<void> => {
      for (const keeping of [...this.#kept.values()]) {
        if (keeping.due && keeping.restUntilMs <= this.#parts.clock.nowMs()) await this.#save(keeping);
      }
      // What failed waits for the next heartbeat.
      if ([...this.#kept.values()].some(({ due, set }) => due && !this.#problems.has(set.name))) this.#wait();
    };
    this.#writing = this.#writing.then(save);
    return this.#writing;
  }

  async #save(keeping: Keeping): Promise<void> {
    const { set } = keeping;
    const { clock, moment } = this.#parts;
    const begunMs = clock.nowMs();
    keeping.due = false;
    try {
      const held = await this.#turns.take(set.name, async () => {
        const count = (await this.#parts.sets().headers()).get(set.name)?.entries;
        if (count === undefined) return undefined; // the health check makes it anew, with what the file tells
        await this.#putBack(keeping, count);
        const atMs = clock.nowMs();
        const now = moment(); // before the dump: the entries must not get the time that it takes
        const lines = entryLines(await this.#parts.sets().dump(set.name));
        keeping.changes.read();
        return { now, atMs, lines };
      });
      if (held !== undefined) {
        const refine = (part: string): string => keeping.exact.refine(part, held.atMs);
        await this.#files.write(set, held.now, held.lines, refine);
        keeping.exact.prune(held.atMs);
        keeping.changes.saved();
        keeping.inFile = countLines(held.lines);
        this.#savedAt = clock.wall();
      }
      this.#solved(set.name);
    } catch (error) {
      keeping.changes.failed();
      keeping.due = true;
      this.#failed(keeping, error);
    }
    keeping.savedMs = clock.nowMs();
    keeping.restUntilMs = keeping.savedMs + Math.max(REST_MS, REST_FACTOR * (keeping.savedMs - begunMs));
  }

  /**
   * Where a set has lost all that its file tells of, and we did not take it out: somebody has emptied it, and
   * everything that we did not change since is put back. Single entries that are gone were taken out on purpose.
   */
  async #putBack(keeping: Keeping, count: number): Promise<void> {
    const { set, inFile, changes } = keeping;
    if (inFile === undefined || !changes.lookEmptied(inFile, count)) return;
    const sets = this.#parts.sets();
    const lost = await this.#left(keeping);
    if (lost.length === 0) return;
    const present = parseEntries(await sets.dump(set.name));
    const texts = new Set(present.map(({ network }) => network.text));
    if (lost.some(({ network }) => texts.has(network.text))) return;
    keeping.exact.note(lost, this.#parts.clock.nowMs());
    await sets.refill(set.name, [...lost, ...present]);
    const text = `${set.name} was emptied by somebody else: its ${lost.length} entries are back (knockctl flush takes entries out for good)`;
    this.#parts.journal.record('repair', text, { set: set.name, entries: lost.length }, 'warn');
  }

  /** What the file still has for a set, but for what we changed since. */
  async #left({ set, changes }: Keeping): Promise<Entry[]> {
    if (changes.emptied) return [];
    const entries = await this.#files.read(set, this.#parts.moment());
    return entries.filter(({ network }) => !changes.touched(network.text));
  }

  #failed({ set }: Keeping, error: unknown): void {
    const text = errorText(error);
    if (this.#problems.size === 0) {
      const meaning = 'the kernel has them, but what has changed would not outlive a reboot; tried again at each heartbeat';
      this.#record(`cannot keep the entries of ${set.name} in ${this.#files.path(set)}: ${text}; ${meaning}`, 'error');
    }
    this.#problems.set(set.name, `${set.name}: ${text}`);
  }

  #solved(name: string): void {
    if (this.#problems.delete(name) && this.#problems.size === 0) this.#record('entries are kept on disk again');
  }

  #keeping(name: string): Keeping | undefined {
    const known = this.#kept.get(name);
    const set = known === undefined ? parseSetName(name) : undefined;
    if (set === undefined) return known;
    const parts = { changes: new EntryChanges(), exact: new ExactTimes() };
    const keeping = { set, ...parts, inFile: undefined, due: false, savedMs: 0, restUntilMs: 0 };
    this.#kept.set(name, keeping);
    return keeping;
  }

  #record(text: string, level: 'error' | 'warn' | 'info' | 'debug' = 'info'): void {
    this.#parts.journal.record('entries', text, {}, level);
  }
}

function setNames(services: readonly string[]): string[] {
  return services.flatMap((service) => LISTS.flatMap((list) => listSets(service, list).map(({ set }) => set)));
}

/** The switch, the one other set of a service, keeps no entries. */
function parseSetName(name: string): KeptSet | undefined {
  const [, service, listName, digit] = /^(.+)_([a-z]+)([46])$/.exec(name) ?? [];
  const list = LISTS.find((one) => one === listName);
  if (service === undefined || list === undefined) return undefined;
  return { name, service, list, family: digit === '4' ? 4 : 6 };
}
