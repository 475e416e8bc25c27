import { systemErrorText } from './system-errors.js';

/** Exit codes of every knockctl command (sysexits.h, and LSB for `status`). */
export const EXIT = {
  ok: 0,
  refused: 1,
  usage: 64,
  firewall: 69,
  busy: 75,
  notRoot: 77,
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

interface KnockErrorOptions {
  readonly exitCode?: ExitCode;
  readonly hint?: string;
  readonly cause?: unknown;
}

/**
 * The one error family. `message` says what happened, and to what; `hint` says what to do next;
 * `exitCode` is what a command that ends by this error exits with.
 */
export class KnockError extends Error {
  override readonly name: string = 'KnockError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;

  constructor(message: string, options: KnockErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.exitCode = options.exitCode ?? EXIT.refused;
    this.hint = options.hint;
  }
}

/** One fault in a configuration file: `line` counts from 1; 0 means the file as a whole. */
export interface ConfigFault {
  readonly file: string;
  readonly line: number;
  /** What is wrong, with the value in it, and what would be right. */
  readonly message: string;
}

/** `file:line: message`, or `file: message` where the fault is the file as a whole. */
export function formatFault(fault: ConfigFault): string {
  return `${fault.file}:${fault.line === 0 ? '' : `${fault.line}:`} ${fault.message}`;
}

/** Every fault found in the configuration, all at once. */
export class ConfigError extends KnockError {
  override readonly name = 'ConfigError';
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(formatFault).join('\n'), {
      exitCode: EXIT.config,
      hint: 'nothing was changed; fix the lines above and try again',
    });
    this.faults = faults;
  }
}

/** How a command that we ran failed. `input` is what it was given on standard input, if anything. */
export interface CommandFailure {
  readonly argv: readonly string[];
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly timedOut: boolean;
  readonly stderr: string;
  readonly input: string | undefined;
}

/** A command that could not be started, was killed, timed out or exited non-zero. */
export class CommandError extends KnockError {
  override readonly name = 'CommandError';
  readonly failure: CommandFailure;

  constructor(failure: CommandFailure, options: KnockErrorOptions = {}) {
    super(describe(failure), { exitCode: EXIT.firewall, ...options });
    this.failure = failure;
  }
}

function describe(failure: CommandFailure): string {
  const how = failure.timedOut
    ? 'timed out'
    : failure.signal !== undefined
      ? `was killed by ${failure.signal}`
      : failure.exitCode === undefined
        ? 'could not be run'
        : `failed with status ${failure.exitCode}`;
  const why = failure.stderr.trim();
  return `${failure.argv.join(' ')} ${how}${why === '' ? '' : `: ${why}`}`;
}

/** A message between our processes that is not what the protocol allows. */
export class ProtocolError extends KnockError {
  override readonly name = 'ProtocolError';
}

/** The text of anything thrown, for messages and logs. That of a system's error names no file: the message has to. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (systemErrorText(error) ?? error.message) : String(error);
}
