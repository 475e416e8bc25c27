import type { Network } from '../../base/address.js';
import type { DoorCommand } from '../../config/settings.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { Journal } from '../journal/journal.js';
import { PendingStopsFile, type StoredStop } from './pending-stops-file.js';

/** A stop command, and whom it is for. */
export interface Stop {
  /** The name of the door. */
  readonly door: string;
  readonly source: Network;
  readonly command: DoorCommand;
  /** From the end of the start command. */
  readonly timeoutMs: number;
}

/** A stop that was noted, for whoever runs its start command. */
export interface NotedStop {
  /** The start command has ended: the time begins. */
  started(): void;
  /** The start command has not run: there is nothing to close. */
  forget(): void;
}

interface Pending extends Stop {
  readonly id: number;
  /** `starting`: its start command has not ended yet. */
  state: 'starting' | 'waiting' | 'running';
  /** Monotonic milliseconds. */
  dueMs: number;
  timer: Timer | undefined;
}

interface PendingStopsParts {
  /** Where they are kept. */
  readonly path: string;
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  /**
   * Carries a stop out, to its end, with whatever configuration is in force then. False where it could not be begun.
   * Never rejects.
   */
  readonly run: (stop: Stop) => Promise<boolean>;
}

/** So long we wait for stop commands when we end; they go on without us. */
export const CLOSING_MS = 2_000;
/** A stop command that could not be begun is tried again after so long: no process may be had now, or systemd is busy. */
const AGAIN_MS = 10_000;
/** More doors open at once than this, and no further one is opened: each costs memory, and its place in the file. */
const MAX_PENDING = 10_000;

/**
 * The stop commands that wait for their time. They belong to no configuration, for a door that was opened is to be
 * closed after a reload too; and they are on disk before their door opens, so that a crash of ours closes it late
 * rather than never. One that was running at a crash is run again.
 */
export class PendingStops {
  readonly #parts: PendingStopsParts;
  readonly #file: PendingStopsFile;
  readonly #pending = new Set<Pending>();
  /** All are to run now, and whoever waits for that. */
  #closing: (() => void) | undefined;
  #closed = false;
  /** How many there were in this life. */
  #count = 0;

  constructor(parts: PendingStopsParts) {
    this.#parts = parts;
    const { path, clock, journal } = parts;
    this.#file = new PendingStopsFile({ path, clock, journal, content: () => this.#stored() });
  }

  get count(): number {
    return this.#pending.size;
  }

  /** Takes up what an earlier life left: each at its time, at once where that has passed, never later than its cmd_timeout from now. */
  resume(): void {
    const stops = this.#file.read();
    const wallMs = this.#parts.clock.wall().getTime();
    for (const { due, ...stop } of stops) {
      const delayMs = Math.min(stop.timeoutMs, Math.max(0, due.getTime() - wallMs));
      this.#wait(this.#insert(stop, delayMs), delayMs);
    }
    if (stops.length === 0) return;
    const text = `stop commands of an earlier life: ${stops.length}, each is run at its time`;
    this.#parts.journal.record('command', text, { count: stops.length });
    void this.#file.note();
  }

  /** A door is about to be opened. Undefined: too many are open. */
  add(stop: Stop): NotedStop | undefined {
    if (this.#pending.size >= MAX_PENDING) return undefined;
    const pending = this.#insert(stop, stop.timeoutMs);
    return {
      started: () => {
        this.#started(pending);
      },
      forget: () => {
        this.#remove(pending);
      },
    };
  }

  /** Resolves once all that was added is on disk, or could not be written. */
  async noted(): Promise<void> {
    return this.#file.note();
  }

  /** The time of a stop that waits for this door, address and command begins anew. False: there is none. */
  extend({ door, source, command }: Stop): boolean {
    let found = false;
    for (const pending of this.#pending) {
      if (pending.state === 'running' || pending.source.text !== source.text) continue;
      if (pending.door !== door || pending.command.line !== command.line) continue;
      found = true;
      if (pending.state === 'waiting') this.#wait(pending, pending.timeoutMs);
    }
    if (found) void this.#file.note();
    return found;
  }

  /** Runs all of them now, those whose start command is still going on at its end. Resolves when none is left. */
  async runAll(): Promise<void> {
    if (this.#pending.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#closing = resolve;
    });
    for (const pending of this.#pending) if (pending.state === 'waiting') void this.#run(pending);
    await emptied;
  }

  /** Ends the timers. What has not been begun stays on disk, for the next life; what runs goes on without us. */
  close(): void {
    this.#closed = true;
    for (const pending of this.#pending) {
      pending.timer?.[Symbol.dispose]();
      if (pending.state === 'running') this.#pending.delete(pending);
    }
    void this.#file.note();
    this.#file.flush();
  }

  #insert(stop: Stop, delayMs: number): Pending {
    const dueMs = this.#parts.clock.nowMs() + delayMs;
    this.#count += 1;
    const pending: Pending = { ...stop, id: this.#count, state: 'starting', dueMs, timer: undefined };
    this.#pending.add(pending);
    return pending;
  }

  #started(pending: Pending): void {
    if (this.#closed) return;
    this.#wait(pending, pending.timeoutMs);
    if (this.#closing !== undefined) void this.#run(pending);
    else void this.#file.note();
  }

  #wait(pending: Pending, delayMs: number): void {
    pending.timer?.[Symbol.dispose]();
    pending.state = 'waiting';
    pending.dueMs = this.#parts.clock.nowMs() + delayMs;
    pending.timer = this.#parts.clock.after(delayMs, () => void this.#run(pending));
  }

  async #run(pending: Pending): Promise<void> {
    if (pending.state === 'running') return;
    pending.state = 'running';
    pending.timer?.[Symbol.dispose]();
    if (await this.#parts.run(pending)) this.#remove(pending);
    else this.#failed(pending);
  }

  /** It stays on disk; when we end, for the next life. */
  #failed(pending: Pending): void {
    if (this.#closing === undefined && !this.#closed) {
      this.#wait(pending, AGAIN_MS);
      return;
    }
    pending.state = 'waiting';
    this.#closeWhenDone();
  }

  /** All have run, or cannot. */
  #closeWhenDone(): void {
    if ([...this.#pending].every(({ state }) => state === 'waiting')) this.#closing?.();
  }

  #remove(pending: Pending): void {
    if (!this.#pending.delete(pending)) return;
    this.#closeWhenDone();
    if (!this.#closed) void this.#file.note();
  }

  /** By the wall clock as it is now: the monotonic one means nothing to another life. */
  #stored(): Map<number, StoredStop> {
    const { clock } = this.#parts;
    const offsetMs = clock.wall().getTime() - clock.nowMs();
    const stored = new Map<number, StoredStop>();
    for (const { id, door, source, command, timeoutMs, dueMs } of this.#pending) {
      stored.set(id, { door, source, command, timeoutMs, due: new Date(dueMs + offsetMs) });
    }
    return stored;
  }
}
