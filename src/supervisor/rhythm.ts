import { errorText } from '../base/errors.js';
import type { Settings } from '../config/settings.js';
import type { Clock, Timer } from '../system/clock.js';
import type { Engine } from './engine.js';
import { schedule, type Schedule } from './health.js';
import type { Journal } from './journal.js';
import type { World } from './world.js';

export interface RhythmParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly engine: Engine;
  readonly world: () => World;
}

/** What happens again and again: heartbeats, health checks, look-ups of trusted hosts. */
export class Rhythm {
  readonly #parts: RhythmParts;
  #timers: (Timer | Schedule)[] = [];
  #health: Schedule | undefined;

  constructor(parts: RhythmParts) {
    this.#parts = parts;
  }

  /** When the health check comes next. */
  get nextCheck(): Date | undefined {
    return this.#health?.next();
  }

  /** Begins, or goes over to other settings; trusted hosts are looked up at once. */
  begin({ failsafe, health }: Settings): void {
    this.end();
    const { clock, engine } = this.#parts;
    const beat = clock.every(failsafe.heartbeatMs, () => {
      engine.heartbeat();
    });
    this.#health = schedule(health.schedule, async () => engine.queued(async () => engine.verify()));
    const resolve = schedule(health.resolve, async () => this.#refreshTrusted());
    this.#timers = [beat, this.#health, resolve];
    void this.#refreshTrusted();
  }

  end(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
  }

  /** Beside all else: a resolver that is slow must hold up nothing. */
  async #refreshTrusted(): Promise<void> {
    try {
      await this.#parts.world().trusted.refresh();
    } catch (error) {
      const text = `the trusted list could not be applied: ${errorText(error)}`;
      this.#parts.journal.record('trusted', text, {}, 'error');
    }
  }
}
