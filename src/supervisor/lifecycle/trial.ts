import { errorText, KnockError } from '../../base/errors.js';
import { timeOfDay } from '../../system/local-time.js';
import type { RunPaths } from '../../config/paths.js';
import type { Config } from '../../config/settings.js';
import type { Template } from '../../firewall/rules/template.js';
import type { Clock, Timer } from '../../system/clock.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { applyGeneration } from '../../runtime/generation/apply.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import { kernelPlaces } from '../../runtime/generation/inventory-record.js';
import { SerialQueue } from '../../base/serial-queue.js';
import type { Reload } from './reload.js';
import { tooLate, TrialRecord } from '../../runtime/generation/trial-record.js';

interface TrialsParts {
  readonly paths: RunPaths;
  readonly clock: Clock;
  readonly journal: Journal;
  readonly queue: SerialQueue;
  readonly reload: Reload;
  readonly active: Pick<ActiveGeneration, 'current'>;
}

/** What is on trial, and until when. */
interface TrialInfo {
  /** Seconds until the kernel goes back, as the kernel says; 0: it has, and we follow. */
  readonly left: number;
  readonly until: Date;
}

interface Current {
  readonly seconds: number;
  readonly until: Date;
  /** Brings everything else back to what the kernel has gone back to. */
  readonly goBack: () => Promise<void>;
  /** What the log says then. */
  readonly back: string;
}

/** The kernel is asked again after at most so long. */
const LOOK_S = 5;

/**
 * Puts a configuration in force on trial, and follows the kernel when it has gone back. The kernel's
 * timer alone decides: a clock that jumps, or our death, changes nothing about it.
 */
export class Trials {
  readonly #parts: TrialsParts;
  readonly #record: TrialRecord;
  #current: Current | undefined;
  /** Takes back what was noted of a start on trial, until that has begun. */
  #notBegun: (() => void) | undefined;
  #timer: Timer | undefined;
  /** One change of what is in force at a time. */
  readonly #changes = new SerialQueue();

  constructor(parts: TrialsParts) {
    this.#parts = parts;
    this.#record = new TrialRecord(parts.paths.unconfirmed, parts.clock);
  }

  /** What is on trial now; undefined where nothing is. */
  async info(): Promise<TrialInfo | undefined> {
    if (this.#current === undefined) return undefined;
    const { until } = this.#current;
    return { left: (await this.#parts.active.current.firewall.trial?.left()) ?? 0, until };
  }

  /** What is to be said of files that were tried and not confirmed; null where there are none. */
  get unconfirmed(): string | null {
    return this.#current === undefined ? this.#record.warning : null;
  }

  /** A configuration is in force for good by a reload: nothing is left to confirm. */
  forget(): void {
    this.#record.remove();
  }

  /** Refuses, in clear words, what must wait until a trial is over. */
  refuseWhileOn(): void {
    if (this.#current === undefined) return;
    throw new KnockError(
      `a change is on trial until ${timeOfDay(this.#current.until)}: nothing was changed`,
      {
        hint: 'knockctl confirm keeps it; unconfirmed, it undoes itself at that time; knockctl stop ends everything',
      },
    );
  }

  /** Runs a change for good: alone, and refused while one is on trial. */
  async forGood<T>(change: () => Promise<T>): Promise<T> {
    return this.#changes.run(async () => {
      this.refuseWhileOn();
      return change();
    });
  }

  /** Goes over to a configuration for `seconds`; gives the time at which the kernel goes back. */
  async begin(config: Config, template: Template, seconds: number): Promise<Date> {
    return this.#changes.run(async () => {
      this.refuseWhileOn();
      const { active, reload } = this.#parts;
      const { config: old, firewall } = active.current;
      if (config.settings.services.length + old.settings.services.length === 0) throw nothingToTry();
      const former = firewall.template;
      const before = { file: old.file ?? null, sources: old.sources, template: former };
      const takeBack = this.#record.write({ config, template, seconds, before });
      const goBack = async (): Promise<void> => reload.to({ config: old, template: former });
      const back = `the configuration of before is in force again; not confirmed, and not in force: ${filesOf(config)}`;
      try {
        await reload.to({ config, template, trialS: seconds });
      } catch (error) {
        if (active.current.config === old) takeBack();
        else this.#undo({ seconds, until: this.#parts.clock.wall(), goBack, back });
        throw error;
      }
      return this.#follow({ seconds, until: this.#untilOf(seconds), goBack, back });
    });
  }

  /**
   * Records a start on trial, before anything of it is in the kernel. `adopted`: rules of a previous run are in force; then it is
   * refused.
   */
  recordStart(config: Config, template: Template, seconds: number, adopted: boolean): void {
    if (adopted) throw inForceAlready();
    if (config.settings.services.length === 0) throw nothingToTry();
    this.#notBegun = this.#record.write({ config, template, seconds, before: null });
  }

  /** A start on trial has failed before its rules were in force: they have not been tried. */
  neverBegan(): void {
    this.#notBegun?.();
    this.#notBegun = undefined;
  }

  /** Puts the rules of a start in force for `seconds`; `end` ends the service. Gives the time at which they go. */
  async beginStart(seconds: number, end: () => Promise<void>): Promise<Date> {
    await this.#parts.active.current.firewall.trial?.begin(seconds);
    this.#notBegun = undefined;
    const back = 'knockctl ends, as nothing of it was there before';
    return this.#follow({ seconds, until: this.#untilOf(seconds), goBack: end, back });
  }

  /** What is on trial stays in force. Gives what is still to be done, in words. */
  async confirm(): Promise<string[]> {
    return this.#changes.run(async () => {
      const trial = this.#parts.active.current.firewall.trial;
      if (this.#current === undefined || trial === undefined) throw this.#record.nothingOnTrial();
      if ((await trial.left()) === undefined) throw tooLate(this.#current.until);
      await trial.keep();
      this.#record.remove();
      this.#end();
      this.#parts.journal.record('trial', 'the change was confirmed: it is in force for good');
      try {
        await this.#parts.queue.run(async () => this.#finish());
        return [];
      } catch (error) {
        return [`the rules get their final form at the next health check: ${errorText(error)}`];
      }
    });
  }

  /** Ends the timer; what the kernel does goes on. */
  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  /** From both versions side by side to the new one alone: at no moment another policy. */
  async #finish(): Promise<void> {
    const { active, paths, journal, clock } = this.#parts;
    const { current: generation } = active;
    generation.firewall.endTrial();
    const places = kernelPlaces(paths);
    await applyGeneration(generation, 'confirm', { places, journal, clock });
  }

  #follow(current: Current): Date {
    this.#current = current;
    const text = `on trial until ${timeOfDay(current.until)}; knockctl confirm keeps it`;
    this.#parts.journal.record('trial', text, { seconds: current.seconds }, 'warn');
    this.#checkAfter(Math.min(current.seconds, LOOK_S));
    return current.until;
  }

  /** Half of it is done, and the kernel has the old rules in force: the rest goes back too. */
  #undo(current: Current): void {
    this.#current = current;
    this.#checkAfter(0);
  }

  #checkAfter(seconds: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#parts.clock.after(seconds * 1_000 + 50, () => {
      void this.#changes.run(async () => this.#check());
    });
  }

  async #check(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    try {
      const left = await this.#parts.active.current.firewall.trial?.left();
      if (left !== undefined) {
        this.#checkAfter(left === 0 ? LOOK_S : Math.min(left, LOOK_S));
        return;
      }
      await current.goBack();
      this.#end();
      const early = this.#parts.clock.wall().getTime() < current.until.getTime() - 2_000;
      const why = early
        ? 'its timer was taken out of the kernel'
        : `not confirmed within ${current.seconds} s`;
      this.#parts.journal.record('trial', `the trial is over, ${why}: ${current.back}`, {}, 'error');
    } catch (error) {
      const text = `the kernel has gone back, we could not follow yet: ${errorText(error)}`;
      this.#parts.journal.record('trial', text, {}, 'error');
      this.#checkAfter(LOOK_S);
    }
  }

  #end(): void {
    this.#current = undefined;
    this.#timer?.[Symbol.dispose]();
  }

  #untilOf(seconds: number): Date {
    return new Date(this.#parts.clock.wall().getTime() + seconds * 1_000);
  }
}

function filesOf(config: Config): string {
  return config.sources.map(({ path }) => path).join(', ');
}

function nothingToTry(): KnockError {
  return new KnockError('there is no service, so no rules that could be on trial: nothing was changed', {
    hint: 'without --trial it is done for good',
  });
}

function inForceAlready(): KnockError {
  return new KnockError('rules of a previous run are in force, which a start on trial could not go back to', {
    hint: 'knockctl start, then knockctl reload --trial S; or knockctl stop first',
  });
}
