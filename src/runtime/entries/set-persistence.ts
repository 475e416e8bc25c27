import { SerialQueue } from '../../base/serial-queue.js';
import { NOTHING, type RestoredEntries, type SetChange } from '../../firewall/sets/persistence-port.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import { parseEntries } from '../../firewall/sets/set-specs.js';
import type { Clock } from '../../system/clock.js';
import type { BootTimestamp, BootClock } from '../../system/boot-timestamp.js';
import { DirtyTracker } from './dirty-tracker.js';
import { countLines, entriesLeft, entryLines } from './entry-codec.js';
import type { EntryFiles, KeptSet } from './entry-files.js';
import { ExpiryCache } from './expiry-cache.js';
import type { Journal } from '../journal/journal.js';

interface SetPersistenceParts {
  readonly files: EntryFiles;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly moment: BootClock;
  /** The sets in force; others after a reload. */
  readonly sets: () => SetStore;
}

/** What others change by hand in a set of more entries than SMALL is taken over after this, else at once. */
const BY_HAND_MS = 60_000;
const SMALL = 2_000;
/** Written anew after this in any case: over a reboot, time is counted from here, by a clock that may have been set. */
const STALE_MS = 600_000;

/** What a dump of a set said, and when. */
interface Dump {
  readonly lines: string;
  readonly now: BootTimestamp;
  readonly atMs: number;
  readonly tookMs: number;
}

/**
 * Keeps what one set holds. It has no list of its own: the kernel's dump of the set is what is written, so entries that
 * somebody put in or took out by hand are right too.
 */
export class SetPersistence {
  readonly set: KeptSet;
  readonly #parts: SetPersistenceParts;
  readonly #changes = new DirtyTracker();
  readonly #exact = new ExpiryCache();
  /** Entries in the file, as they were when it was written; undefined: this life has not written it. */
  #inFile: number | undefined;
  #savedMs = 0;
  /** Changes, dumps and what is put back, one after the other. */
  readonly #queue = new SerialQueue();

  constructor(set: KeptSet, parts: SetPersistenceParts) {
    this.set = set;
    this.#parts = parts;
  }

  /** How many entries its file has, as this life has written it. */
  get inFile(): number {
    return this.#inFile ?? 0;
  }

  /** Carries a change out; nothing of ours comes between. */
  async change(change: SetChange, act: () => Promise<void>): Promise<void> {
    return this.#queue.run(async () => {
      this.#changes.markChanged(change);
      if (change.kind === 'add') this.#exact.remember(change.entries, this.#parts.clock.nowMs());
      await act();
    });
  }

  /** What the file still has, but for what we changed since. */
  async restore(): Promise<RestoredEntries> {
    const { files, clock, moment } = this.#parts;
    const read = this.#changes.emptied ? undefined : await files.read(this.set, moment());
    if (read === undefined) return NOTHING;
    const entries = read.entries.filter(({ network }) => !this.#changes.touched(network.text));
    return {
      count: entriesLeft(entries, read.since, moment()).length,
      entries: () => {
        const left = entriesLeft(entries, read.since, moment());
        this.#exact.remember(left, clock.nowMs());
        return left;
      },
    };
  }

  /** Whether a set that holds so many entries is to be written: soon, or (`now`) since it may have been emptied by others. */
  saveUrgency(entries: number): 'no' | 'soon' | 'now' {
    const age = this.#parts.clock.nowMs() - this.#savedMs;
    if (this.#inFile === undefined) return 'soon';
    if (this.#looksEmptied(this.#inFile, entries)) return 'now';
    if (this.#changes.any) return 'soon';
    const byHand = entries !== this.#inFile && (entries < SMALL || age > BY_HAND_MS);
    return byHand || (age > STALE_MS && entries > 0) ? 'soon' : 'no';
  }

  /** Writes what the set holds; first puts back what somebody else took out whole. False where there is no such set. */
  async save(): Promise<boolean> {
    const dump = await this.#queue.run(async () => this.#dump());
    if (dump === undefined) return false;
    const { lines, now, atMs, tookMs } = dump;
    try {
      await this.#parts.files.write(this.set, now, lines, (part) => this.#exact.refine(part, atMs, tookMs));
    } catch (error) {
      this.#changes.failed();
      throw error;
    }
    this.#exact.prune(atMs);
    this.#changes.saved();
    this.#inFile = countLines(lines);
    this.#savedMs = this.#parts.clock.nowMs();
    return true;
  }

  async #dump(): Promise<Dump | undefined> {
    let dump = await this.#read();
    if (dump !== undefined && (await this.#putBack(dump.lines))) dump = await this.#read();
    if (dump === undefined) return undefined;
    this.#parts.sets().sentinels.settled(this.set.name);
    this.#changes.read();
    return dump;
  }

  async #read(): Promise<Dump | undefined> {
    const { clock, moment } = this.#parts;
    const sets = this.#parts.sets();
    const atMs = clock.nowMs();
    const now = moment(); // before the dump: the entries must not get the time that it takes
    try {
      const lines = (await this.#isEmptyAtFirst(sets)) ? '' : entryLines(await sets.dump(this.set.name));
      return { lines, now, atMs, tookMs: clock.nowMs() - atMs };
    } catch (error) {
      if ((await sets.headers()).has(this.set.name)) throw error;
      return undefined; // the health check makes it anew, with what the file tells
    }
  }

  /** Most sets are empty when a life begins: to see that takes no process, as a dump does. */
  async #isEmptyAtFirst(sets: SetStore): Promise<boolean> {
    if (this.#inFile !== undefined) return false;
    return (await sets.headers()).get(this.set.name)?.entries === 0;
  }

  /**
   * Where a set has lost all that its file tells of, and we did not take it out: somebody has emptied it, and
   * everything that we did not change since is put back. Single entries that are gone were taken out on purpose.
   */
  async #putBack(lines: string): Promise<boolean> {
    if (this.#inFile === undefined || !this.#looksEmptied(this.#inFile, countLines(lines))) return false;
    const lost = await this.restore();
    if (lost.count === 0) return false;
    const { name } = this.set;
    const present = parseEntries(lines);
    const texts = new Set(present.map(({ network }) => network.text));
    if (lost.entries().some(({ network }) => texts.has(network.text))) return false;
    const count = lost.count + present.length;
    await this.#parts.sets().refill(name, { count, entries: () => [...lost.entries(), ...present] });
    const text = `${name} was emptied by somebody else: its ${lost.count} entries are back (knockctl flush takes entries out for good)`;
    this.#parts.journal.record('repair', text, { set: name, entries: lost.count }, 'warn');
    return true;
  }

  /** Where rules of doors take entries out, the sentinel tells; else the numbers do. */
  #looksEmptied(before: number, now: number): boolean {
    return this.#parts.sets().sentinels.emptied(this.set.name) ?? this.#changes.markEmptied(before, now);
  }
}
