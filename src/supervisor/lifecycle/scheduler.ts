import { errorText } from '../../base/errors.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { FailsafeController } from '../failsafe/controller.js';
import type { EntryPersistence } from '../../runtime/entries/entry-persistence.js';
import type { ExposureMonitor } from '../failsafe/exposure-monitor.js';
import { schedule, type Schedule } from './cron-schedule.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { feeds } from '../failsafe/state-machine.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';

export interface SchedulerParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly failsafe: FailsafeController;
  readonly entries: EntryPersistence;
  readonly active: Pick<ActiveGeneration, 'current'>;
  /** Looks at what stands between us and the world in other tables. */
  readonly exposures: Pick<ExposureMonitor, 'checkOtherTables'>;
}

/** What happens again and again: heartbeats, health checks, look-ups of trusted hosts. */
export class Scheduler {
  readonly #parts: SchedulerParts;
  #timers: (Timer | Schedule)[] = [];
  #health: Schedule | undefined;

  constructor(parts: SchedulerParts) {
    this.#parts = parts;
  }

  /** When the health check comes next. */
  get nextCheck(): Date | undefined {
    return this.#health?.next();
  }

  /** Begins, or goes over to the settings that are in force now; trusted hosts are looked up at once. */
  begin(): void {
    this.end();
    const { active, clock, failsafe, entries } = this.#parts;
    const { failsafe: times, health } = active.current.config.settings;
    const beat = clock.every(times.heartbeatMs, () => {
      failsafe.heartbeat();
      void entries.check(); // in the same moment: the reconciler and it share their look at the sets
    });
    this.#health = schedule(health.schedule, async () => this.#check(), clock);
    const resolve = schedule(health.resolve, async () => this.#trusted('refresh'), clock);
    this.#timers = [beat, this.#health, resolve];
    void this.#trusted('refresh');
  }

  end(): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers = [];
  }

  /** Rules and sets; and whom the trusted file lets in, for somebody may have emptied that set by hand. */
  async #check(): Promise<void> {
    const { failsafe, exposures } = this.#parts;
    failsafe.reconciler.forceResync();
    void exposures.checkOtherTables();
    if (feeds(failsafe.state)) await this.#trusted('check');
  }

  /** Beside all else: a resolver that is slow must hold up nothing. */
  async #trusted(deed: 'check' | 'refresh'): Promise<void> {
    try {
      await this.#parts.active.current.trusted[deed]();
    } catch (error) {
      const text = `the trusted list could not be applied: ${errorText(error)}`;
      this.#parts.journal.record('trusted', text, {}, 'error');
    }
  }
}
