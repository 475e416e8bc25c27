import { errorText } from '../../base/errors.js';
import { SET_LISTS } from '../../base/lists.js';
import {
  NOTHING,
  type RestoredEntries,
  type SetChange,
  type PersistencePort,
} from '../../firewall/sets/persistence-port.js';
import type { SetStore } from '../../firewall/sets/set-store.js';
import { listSets } from '../../firewall/sets/set-specs.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { BootClock } from '../../system/boot-timestamp.js';
import type { KeeperReport } from '../../wire/reports.js';
import { EntryFiles, type EntryFolders, type KeptSet } from './entry-files.js';
import type { Journal } from '../journal/journal.js';
import { SetPersistence } from './set-persistence.js';

interface EntryPersistenceParts {
  readonly folders: EntryFolders;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly moment: BootClock;
  /** The sets in force; others after a reload. */
  readonly sets: () => SetStore;
}

interface Keeping {
  readonly keeper: SetPersistence;
  /** It is to be written. */
  due: boolean;
  /** At once: others may have emptied it, or we end. */
  urgent: boolean;
  /** Else not before this: monotonic milliseconds. */
  restUntilMs: number;
  /** When it was last written, or began to be kept. */
  endedMs: number;
}

/** A change is written after this, together with what comes meanwhile. */
const WINDOW_MS = 200;
/** A file is written twice a second at most, and writing takes a fifth of the time at most. */
const REST_MS = 400;
const REST_FACTOR = 4;
/** The lists that strangers fill rest the longer the more they hold: 70 bytes an entry are 3.5 kB a second, whatever the flood. */
const DECOYED_REST_MS = 20;
const STRANGERS_REST_MOST_MS = 3_600_000;
/** Open doors are worth more: so many are kept as quickly as all else, and more of them at 35 kB a second. */
const FILTER_QUICK = 500;
const FILTER_REST_MS = 2;

/**
 * Keeps what the sets of all services hold beyond the life of the kernel: says when each is written, and gives back
 * what is left to a set that has to be made anew.
 */
export class EntryPersistence implements PersistencePort {
  readonly #parts: EntryPersistenceParts;
  readonly #files: EntryFiles;
  readonly #kept = new Map<string, Keeping>();
  /** Why files could not be written, by set. */
  readonly #problems = new Map<string, string>();
  #timer: Timer | undefined;
  #writing: Promise<void> = Promise.resolve();
  #checking = false;
  #closed = false;
  #savedAt: Date | undefined;

  constructor(parts: EntryPersistenceParts) {
    this.#parts = parts;
    this.#files = new EntryFiles(parts.folders, parts.journal);
  }

  get report(): KeeperReport {
    const [problem] = this.#problems.values();
    return { saved: this.#savedAt?.toISOString() ?? null, problem: problem ?? null };
  }

  /** Begins to keep the sets of these services, or goes over to others; each is written soon. */
  adoptServices(services: readonly string[]): void {
    const names = new Set(setNames(services));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#kept.delete(name);
    try {
      this.#files.dropStrangers(names);
    } catch (error) {
      this.#record(`cannot drop the entries of services that are gone: ${errorText(error)}`, 'warn');
    }
    for (const name of names) this.#mark(this.#keeping(name));
  }

  async restore(name: string): Promise<RestoredEntries> {
    const keeping = this.#keeping(name);
    if (keeping === undefined || this.#closed) return NOTHING;
    const recalled = await keeping.keeper.restore();
    if (recalled.count > 0) {
      this.#record(`${recalled.count} entries of ${name} are put back, for the time that each had left`);
    }
    return recalled;
  }

  restoreFailed(sets: readonly string[], error: unknown): void {
    // Else they would be written over by the empty sets.
    const kept = sets.flatMap((name) => this.#putAside(this.#keeping(name)?.keeper.set));
    const where = kept.length === 0 ? '' : `; they are kept in ${kept.join(', ')}`;
    this.#record(
      `the entries of ${sets.join(', ')} could not be put back: ${errorText(error)}${where}`,
      'error',
    );
  }

  async change(name: string, change: SetChange, act: () => Promise<void>): Promise<void> {
    const keeping = this.#keeping(name);
    if (keeping === undefined || this.#closed) return act();
    try {
      await keeping.keeper.change(change, act);
    } finally {
      this.#mark(keeping);
    }
  }

  /** At each heartbeat: looks for what others did to the sets, by their numbers of entries. */
  async check(): Promise<void> {
    if (this.#checking || this.#closed || this.#kept.size === 0) return; // without services there may be no ipset at all
    this.#checking = true;
    try {
      const headers = await this.#parts.sets().glance();
      for (const [name, keeping] of this.#kept) {
        const entries = headers.get(name)?.entries;
        if (entries === undefined) continue; // the health check makes it anew
        const verdict = keeping.keeper.saveUrgency(entries);
        keeping.restUntilMs = Math.max(
          keeping.restUntilMs,
          keeping.endedMs + restOf(keeping.keeper, entries),
        );
        if (verdict !== 'no' || this.#problems.has(name)) keeping.due = true;
        if (verdict === 'now') keeping.urgent = true;
      }
      await this.#saveDue();
    } catch {
      // A kernel that does not let us look: the heartbeat and the check of the rules say so, and trip.
    } finally {
      this.#checking = false;
    }
  }

  /** Writes what has changed, now: for a command that ends. */
  async finish(): Promise<void> {
    for (const keeping of this.#kept.values()) keeping.urgent = true;
    await this.#saveDue();
    this.close();
  }

  /**
   * Writes everything a last time, before the sets of these services go. `keep`: they stay, for a supervisor that takes
   * over.
   */
  async end(services: readonly string[], keep: boolean): Promise<void> {
    const headers = await this.#parts.sets().headers();
    for (const name of setNames(services)) {
      const keeping = this.#keeping(name);
      if (keeping !== undefined && headers.has(name)) keeping.due = true;
    }
    await this.finish();
    if (keep) return;
    // Who was trusted by hand, and not for good, is not after a stop.
    for (const { keeper } of this.#kept.values())
      if (keeper.set.list === 'trusted') this.#files.forget(keeper.set);
  }

  /** After this nothing is written by itself, whatever happens to the sets. */
  close(): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }

  #putAside(set: KeptSet | undefined): string[] {
    try {
      return set === undefined ? [] : [this.#files.putAside(set)];
    } catch {
      return []; // told that they are nowhere
    }
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
    const restMs = Math.min(...due.map(restUntilMs)) - this.#parts.clock.nowMs();
    this.#timer = this.#parts.clock.after(Math.max(WINDOW_MS, restMs), () => {
      this.#timer = undefined;
      void this.#saveDue();
    });
  }

  /** Writes the sets that are due and have rested; a short one does not wait for a long one. Never rejects. */
  async #saveDue(): Promise<void> {
    const save = async (): Promise<void> => {
      const nowMs = this.#parts.clock.nowMs();
      const due = [...this.#kept].filter(([, keeping]) => keeping.due && restUntilMs(keeping) <= nowMs);
      await Promise.all(due.map(async ([name, keeping]) => this.#save(name, keeping)));
      // What failed waits for the next heartbeat.
      if ([...this.#kept].some(([name, { due }]) => due && !this.#problems.has(name))) this.#wait();
    };
    this.#writing = this.#writing.then(save);
    return this.#writing;
  }

  async #save(name: string, keeping: Keeping): Promise<void> {
    const { clock } = this.#parts;
    const begunMs = clock.nowMs();
    keeping.due = false;
    keeping.urgent = false; // what is asked for at once while this is written is written after it, at once
    try {
      if (await keeping.keeper.save()) this.#savedAt = clock.wall();
      this.#solved(name);
    } catch (error) {
      keeping.due = true;
      this.#failed(name, keeping, errorText(error));
    }
    const endedMs = clock.nowMs();
    const costMs = REST_FACTOR * (endedMs - begunMs);
    keeping.endedMs = endedMs;
    keeping.restUntilMs = endedMs + Math.max(REST_MS, costMs, restOf(keeping.keeper, keeping.keeper.inFile));
  }

  #failed(name: string, { keeper }: Keeping, fault: string): void {
    if (this.#problems.size === 0) {
      const meaning =
        'the kernel has them, but what has changed would not outlive a reboot; tried again at each heartbeat';
      this.#record(
        `cannot keep the entries in ${this.#files.path(keeper.set)}: ${fault}; ${meaning}`,
        'error',
      );
    }
    this.#problems.set(name, `${name}: ${fault}`);
  }

  #solved(name: string): void {
    if (this.#problems.delete(name) && this.#problems.size === 0)
      this.#record('entries are kept on disk again');
  }

  #keeping(name: string): Keeping | undefined {
    const known = this.#kept.get(name);
    const set = known === undefined ? parseSetName(name) : undefined;
    if (set === undefined) return known;
    const keeper = new SetPersistence(set, { ...this.#parts, files: this.#files });
    const keeping = { keeper, due: false, urgent: false, restUntilMs: 0, endedMs: this.#parts.clock.nowMs() };
    this.#kept.set(name, keeping);
    return keeping;
  }

  #record(text: string, level: 'error' | 'warn' | 'info' = 'info'): void {
    this.#parts.journal.record('entries', text, {}, level);
  }
}

function setNames(services: readonly string[]): string[] {
  return services.flatMap((service) =>
    SET_LISTS.flatMap((list) => listSets(service, list).map(({ set }) => set)),
  );
}

/** The switch, the one other set of a service, keeps no entries. */
function parseSetName(name: string): KeptSet | undefined {
  const [, listName, digit] = /^.+_([a-z]+)([46])$/.exec(name) ?? [];
  const list = SET_LISTS.find((one) => one === listName);
  return list === undefined ? undefined : { name, list, family: digit === '4' ? 4 : 6 };
}

/** How long a list of so many entries rests at least. */
function restOf({ set }: SetPersistence, entries: number): number {
  const restMs =
    set.list === 'decoyed'
      ? DECOYED_REST_MS * entries
      : set.list === 'filter'
        ? FILTER_REST_MS * Math.max(0, entries - FILTER_QUICK)
        : 0;
  return Math.min(STRANGERS_REST_MOST_MS, restMs);
}

function restUntilMs(keeping: Keeping): number {
  return keeping.urgent ? 0 : keeping.restUntilMs;
}
