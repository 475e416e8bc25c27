import { createHash } from 'node:crypto';

import { errorText, EXIT, KnockError } from '../../base/errors.js';
import { isOwnPrivate, readIfExists, removeFile, replaceFile } from '../../system/files.js';
import { UntrustedFile } from '../../system/strict-file.js';
import type { ReadText } from '../../config/load-options.js';
import type { Config, Source } from '../../config/settings.js';

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
export interface EarlierConfig {
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

/** What is noted in the file; undefined where nothing is. Throws KnockError where it cannot be believed. */
export function readUnconfirmed(path: string): UnconfirmedTrial | undefined {
  let parsed: unknown;
  try {
    const text = readIfExists(path);
    if (text === undefined) return undefined;
    if (!isOwnPrivate(path)) throw new Error('others can write to it');
    parsed = JSON.parse(text);
    if (!isUnconfirmed(parsed)) throw new Error('it is not of the right shape');
  } catch (cause) {
    throw new KnockError(`${path} is damaged: ${errorText(cause)}`, {
      exitCode: EXIT.config,
      hint: 'it says which configuration was confirmed: look over the files, remove it, and start again',
      cause,
    });
  }
  return parsed;
}

/** Until when the trial was to last. */
export function deadline({ at, seconds }: UnconfirmedTrial): Date {
  return new Date(new Date(at).getTime() + seconds * 1_000);
}

export function writeUnconfirmed(path: string, unconfirmed: UnconfirmedTrial): void {
  replaceFile(path, `${JSON.stringify(unconfirmed)}\n`);
}

export function removeUnconfirmed(path: string): void {
  removeFile(path);
}

function isUnconfirmed(value: unknown): value is UnconfirmedTrial {
  return (
    isObject(value) &&
    typeof value['tried'] === 'string' &&
    /^[0-9a-f]{64}$/.test(value['tried']) &&
    typeof value['at'] === 'string' &&
    !Number.isNaN(new Date(value['at']).getTime()) &&
    Number.isInteger(value['seconds']) &&
    (value['before'] === null || isEarlier(value['before']))
  );
}

function isEarlier(value: unknown): value is EarlierConfig {
  if (!isObject(value)) return false;
  const { file, sources, template } = value;
  return (
    (file === null || typeof file === 'string') &&
    Array.isArray(sources) &&
    sources.every(
      (source) =>
        isObject(source) &&
        typeof source['path'] === 'string' &&
        (source['text'] === null || typeof source['text'] === 'string') &&
        (source['weakness'] === undefined || isWeakness(source['weakness'])),
    ) &&
    isTemplate(template) &&
    (template['gate'] === undefined || isTemplate(template['gate']))
  );
}

function isTemplate(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value['file'] === 'string' && typeof value['text'] === 'string';
}

function isWeakness(value: unknown): boolean {
  return isObject(value) && typeof value['text'] === 'string' && typeof value['fix'] === 'string';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
