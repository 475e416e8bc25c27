import { createHash } from 'node:crypto';

import { errorText, KnockError } from '../../base/errors.js';
import type { ReadText } from '../../config/load-options.js';
import type { Config, Source } from '../../config/settings.js';
import type { Clock } from '../../system/clock.js';
import { localTime, timeOfDay } from '../../system/local-time.js';
import { StateFile } from '../../system/state-file.js';
import { UntrustedFile } from '../../system/strict-file.js';
import { isFields } from '../../wire/guards.js';

/**
 * A configuration that was put in force on trial and has not been confirmed, as it outlives us: so
 * that no later life puts it in force by itself, and knows what was in force before.
 */
export interface UnconfirmedTrial {
  /** What the files on trial were, as `digest` gives it: files that were changed since are others. */
  readonly tried: string;
  /** When the trial began, ISO 8601, UTC; and how long it was to last, in seconds. */
  readonly at: string;
  readonly seconds: number;
  /** The configuration in force before; null where knockctl was not running. */
  readonly before: EarlierConfig | null;
}

/** A configuration by its texts: it is read again, and so checked again, like the files that it was. */
interface EarlierConfig {
  /** The file given with -c, if one was. */
  readonly file: string | null;
  readonly sources: readonly Source[];
  /** The rule template. */
  readonly template: Template;
}

interface Template {
  readonly file: string;
  readonly text: string;
  /** That of second gates; missing in what an earlier version noted, which had none. */
  readonly gate?: { readonly file: string; readonly text: string } | undefined;
}

/**
 * What a configuration is, in a few characters. The trusted file does not count: `trust --save` and
 * doors edit it, and nobody has looked over the rest of the files for that.
 */
export function digest({ sources, settings }: Config, template: Template): string {
  const counted = sources.filter(({ path }) => path !== settings.paths.trusted);
  const isGated = settings.services.some(({ gate }) => gate === 'strict');
  const templates = isGated ? [template.text, template.gate?.text] : [template.text];
  const text = JSON.stringify([counted.map(({ path, text }) => [path, text]), ...templates]);
  return createHash('sha256').update(text).digest('hex');
}

/** Reads files as they were in an earlier configuration; all others as they are. */
export function asEarlierConfig({ sources }: EarlierConfig, readText: ReadText): ReadText {
  const known = new Map(sources.map((source) => [source.path, source]));
  return (path) => {
    const source = known.get(path);
    if (source === undefined) return readText(path);
    const { text, weakness } = source;
    if (weakness !== undefined) throw new UntrustedFile(path, weakness, text ?? '');
    return text ?? undefined;
  };
}

/** Until when the trial was to last. */
export function deadline({ at, seconds }: UnconfirmedTrial): Date {
  return new Date(new Date(at).getTime() + seconds * 1_000);
}

/** Where it is kept. One that is damaged is never taken for none. */
export function trialFile(path: string): StateFile<UnconfirmedTrial> {
  return new StateFile(path, {
    parse: (document) => (isUnconfirmed(document) ? document : undefined),
    hint: 'it says which configuration was confirmed: look over the files, remove it, and start again',
  });
}

/** What is put on trial, and what was in force before. */
export interface TriedChange {
  readonly config: Config;
  readonly template: Template;
  readonly seconds: number;
  readonly before: UnconfirmedTrial['before'];
}

/** What is noted on disk of a trial: files that were tried and not confirmed must not be put in force by a later life. */
export class TrialRecord {
  readonly #file: StateFile<UnconfirmedTrial>;
  readonly #clock: Pick<Clock, 'wall'>;

  constructor(path: string, clock: Pick<Clock, 'wall'>) {
    this.#file = trialFile(path);
    this.#clock = clock;
  }

  /**
   * Notes a trial that begins. Gives what takes that back, with what was noted before. Throws KnockError where that cannot be
   * believed.
   */
  write({ config, template, seconds, before }: TriedChange): () => void {
    const former = this.#file.read();
    const tried = digest(config, template);
    this.#file.write({ tried, at: this.#clock.wall().toISOString(), seconds, before });
    return () => {
      if (former === undefined) this.remove();
      else this.#file.write(former);
    };
  }

  /** Nothing is left to confirm. */
  remove(): void {
    this.#file.remove();
  }

  /** What is to be said of files that were tried and not confirmed; null where there are none. */
  get warning(): string | null {
    try {
      const noted = this.#file.read();
      if (noted === undefined) return null;
      return `a change was tried on ${localTime(noted.at)} and not confirmed: the files on disk are not in force`;
    } catch (error) {
      return errorText(error);
    }
  }

  /** Why there is nothing on trial that could be confirmed. */
  nothingOnTrial(): KnockError {
    const noted = this.#file.read();
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

function isUnconfirmed(value: unknown): value is UnconfirmedTrial {
  return (
    isFields(value) &&
    typeof value['tried'] === 'string' &&
    /^[0-9a-f]{64}$/.test(value['tried']) &&
    typeof value['at'] === 'string' &&
    !Number.isNaN(new Date(value['at']).getTime()) &&
    Number.isInteger(value['seconds']) &&
    (value['before'] === null || isEarlier(value['before']))
  );
}

function isEarlier(value: unknown): value is EarlierConfig {
  if (!isFields(value)) return false;
  const { file, sources, template } = value;
  return (
    (file === null || typeof file === 'string') &&
    Array.isArray(sources) &&
    sources.every(
      (source) =>
        isFields(source) &&
        typeof source['path'] === 'string' &&
        (source['text'] === null || typeof source['text'] === 'string') &&
        (source['weakness'] === undefined || isWeakness(source['weakness'])),
    ) &&
    isTemplate(template) &&
    (template['gate'] === undefined || isTemplate(template['gate']))
  );
}

function isTemplate(value: unknown): value is Readonly<Record<string, unknown>> {
  return isFields(value) && typeof value['file'] === 'string' && typeof value['text'] === 'string';
}

function isWeakness(value: unknown): boolean {
  return isFields(value) && typeof value['text'] === 'string' && typeof value['fix'] === 'string';
}
