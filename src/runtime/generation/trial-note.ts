import { errorText, KnockError } from '../../base/errors.js';
import type { Config } from '../../config/settings.js';
import {
  deadline,
  digest,
  readUnconfirmed,
  removeUnconfirmed,
  writeUnconfirmed,
  type UnconfirmedTrial,
} from './unconfirmed.js';
import type { Template } from '../../firewall/rules/template.js';
import type { Clock } from '../../system/clock.js';
import { localTime, timeOfDay } from '../../system/local-time.js';

/** What is put on trial, and what was in force before. */
export interface TriedChange {
  readonly config: Config;
  readonly template: Template;
  readonly seconds: number;
  readonly before: UnconfirmedTrial['before'];
}

/** What is noted on disk of a trial: files that were tried and not confirmed must not be put in force by a later life. */
export class TrialRecord {
  readonly #path: string;
  readonly #clock: Pick<Clock, 'wall'>;

  constructor(path: string, clock: Pick<Clock, 'wall'>) {
    this.#path = path;
    this.#clock = clock;
  }

  /**
   * Notes a trial that begins. Gives what takes that back, with what was noted before. Throws KnockError where that cannot be
   * believed.
   */
  write({ config, template, seconds, before }: TriedChange): () => void {
    const former = readUnconfirmed(this.#path);
    const tried = digest(config, template);
    writeUnconfirmed(this.#path, { tried, at: this.#clock.wall().toISOString(), seconds, before });
    return () => {
      if (former === undefined) this.remove();
      else writeUnconfirmed(this.#path, former);
    };
  }

  /** Nothing is left to confirm. */
  remove(): void {
    removeUnconfirmed(this.#path);
  }

  /** What is to be said of files that were tried and not confirmed; null where there are none. */
  get warning(): string | null {
    try {
      const noted = readUnconfirmed(this.#path);
      if (noted === undefined) return null;
      return `a change was tried on ${localTime(noted.at)} and not confirmed: the files on disk are not in force`;
    } catch (error) {
      return errorText(error);
    }
  }

  /** Why there is nothing on trial that could be confirmed. */
  nothingOnTrial(): KnockError {
    const noted = readUnconfirmed(this.#path);
    return noted === undefined
      ? new KnockError('nothing is on trial: there is nothing to confirm')
      : tooLate(deadline(noted));
  }
}

/** A change that was on trial until then can be kept no more. */
export function tooLate(until: Date): KnockError {
  return new KnockError(
    `too late: the change was on trial until ${timeOfDay(until)}; what was in force before is in force again`,
    { hint: 'knockctl reload --trial S (or start --trial S) tries it again' },
  );
}
