import { EXIT, type ExitCode } from '../../base/errors.js';
import type { Remark, Reply } from '../../wire/control.js';

/** More remarks of one kind than this are summed up: nobody reads 100,000 lines. */
const SHOWN = 20;

/** A reply that something was done: each line on standard output. */
export function done(results: readonly string[], notes: readonly string[] = [], data?: unknown): Reply {
  return reply(EXIT.ok, [...lines('result', results), ...lines('note', notes)], data);
}

/** A refusal: nothing was changed. */
export function refused(errors: readonly string[], hint?: string, exitCode: ExitCode = EXIT.refused): Reply {
  const remarks: Remark[] = lines('error', errors);
  const last = remarks.at(-1);
  if (last !== undefined && hint !== undefined) remarks.splice(-1, 1, { ...last, hint });
  return reply(exitCode, remarks, { refused: errors });
}

function lines(level: Remark['level'], texts: readonly string[]): Remark[] {
  const shown = texts.slice(0, SHOWN).map((text) => ({ level, text }));
  const more = texts.length - shown.length;
  return more > 0 ? [...shown, { level, text: `… and ${more} more` }] : shown;
}

function reply(exitCode: ExitCode, remarks: readonly Remark[], data: unknown): Reply {
  return data === undefined ? { exitCode, remarks } : { exitCode, remarks, data };
}

/** `for 300 s`, `for ever`. */
export function duration(seconds: number): string {
  return seconds === 0 ? 'for ever' : `for ${seconds} s`;
}

/** `1.2.3.4`, or `1,200 addresses`. */
export function subject(texts: readonly string[]): string {
  return texts.length === 1 ? (texts[0] ?? '') : `${texts.length} addresses`;
}
