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
 * The base class of errors. `message` says what happened, and to what; `hint` says what to do next; `exitCode` is the
 * exit code of a command that ends with this error.
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

/** Formats a fault as `file:line: message`, or `file: message` if it concerns the whole file. */
export function formatFault(fault: ConfigFault): string {
  return `${fault.file}:${fault.line === 0 ? '' : `${fault.line}:`} ${fault.message}`;
}

/** All faults found in the configuration. */
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

/** How a command failed. `input` is its standard input, if any. */
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

/** A message between knockctl's processes that violates the protocol. */
export class ProtocolError extends KnockError {
  override readonly name = 'ProtocolError';
}

/** Returns the text of anything thrown, for messages and logs. That of a system's error names no file: the message has to. */
export function errorText(error: unknown): string {
  return error instanceof Error ? (systemErrorText(error) ?? error.message) : String(error);
}

/** Anything thrown as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** What is to be told of an error. */
interface ErrorDescription {
  readonly exitCode: ExitCode;
  readonly text: string;
  /** What to do next. */
  readonly hint: string | undefined;
}

/** What is to be told of anything thrown. What is no error of ours comes from the system, by way of what acts on the firewall. */
export function describeError(error: unknown): ErrorDescription {
  const { exitCode, hint } =
    error instanceof KnockError ? error : { exitCode: EXIT.firewall, hint: undefined };
  return { exitCode, text: errorText(error), hint };
}
