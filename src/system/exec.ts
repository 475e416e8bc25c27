import { closeSync } from 'node:fs';

import { execa } from 'execa';

import { CommandError, errorText } from '../base/errors.js';
import { requireDescriptors } from './descriptors.js';
import { CHILD_ENV } from './exec-env.js';
import { anonymousFile } from './files.js';

export interface ExecOptions {
  /**
   * Given on standard input, as a whole file: whoever reads a pipe whose writer is killed meets a line that is cut off, and
   * ipset carries it out (measured: `add a 99.0.0.1` without its time is for ever). Without it, standard input is empty.
   */
  readonly input?: string;
  /** After so long the process is killed. */
  readonly timeoutMs?: number;
  /** More output than this, in characters, ends the process. */
  readonly maxOutput?: number;
  /** Ends the process. */
  readonly signal?: AbortSignal;
  /** Told the process's number, once it has been started. */
  readonly spawned?: (pid: number) => void;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs one command to its end. `argv[0]` is an absolute path; no shell, a minimal environment.
 * Resolves with any exit code; rejects with CommandError where the command could not be started,
 * was killed or ran out of time, and with KnockError (busy) where we are out of descriptors.
 */
export type Exec = (argv: readonly string[], options?: ExecOptions) => Promise<ExecResult>;

const DEFAULT_TIMEOUT_MS = 15_000;
/** `ipset save` of a million entries is about 60 MB. */
const DEFAULT_MAX_OUTPUT = 256 * 1024 * 1024;

/** The real one. */
export const systemExec: Exec = async (argv, options = {}) => {
  const input = options.input === undefined ? undefined : anonymousFile(options.input);
  try {
    return await run(argv, input, options);
  } finally {
    if (input !== undefined) closeSync(input);
  }
};

async function run(
  argv: readonly string[],
  input: number | undefined,
  options: ExecOptions,
): Promise<ExecResult> {
  const [file, ...args] = argv;
  if (file === undefined) throw new Error('exec: empty argv');
  requireDescriptors();
  const running = execa(file, args, {
    reject: false,
    stripFinalNewline: false,
    extendEnv: false,
    env: CHILD_ENV,
    cwd: '/',
    timeout: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    killSignal: 'SIGKILL',
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    maxBuffer: options.maxOutput ?? DEFAULT_MAX_OUTPUT,
    // Where no file can be had (no space anywhere) a pipe has to do.
    ...(input !== undefined && isDescriptor(input) ? { stdin: input } : { input: options.input ?? '' }),
  });
  if (running.pid !== undefined) options.spawned?.(running.pid);
  const result = await running;
  if (result.exitCode === undefined || result.isMaxBuffer) {
    throw new CommandError(
      {
        argv,
        exitCode: result.exitCode,
        signal: result.signal,
        timedOut: result.timedOut,
        stderr: result.isMaxBuffer
          ? 'too much output'
          : result.stderr || notRun(result.cause, result.originalMessage),
        input: options.input,
      },
      { cause: result.cause },
    );
  }
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** Why a command did not start; nothing where it did. */
function notRun(cause: unknown, message = ''): string {
  return cause === undefined ? message : errorText(cause);
}

/** execa hands over any descriptor; its types know those of one digit only. */
function isDescriptor(value: number): value is 3 {
  return Number.isInteger(value) && value > 2;
}

/** Runs a command that must succeed; any other exit code than 0 is a CommandError. */
export async function execOk(exec: Exec, argv: readonly string[], options?: ExecOptions): Promise<string> {
  const { exitCode, stdout, stderr } = await exec(argv, options);
  if (exitCode === 0) return stdout;
  const input = options?.input;
  throw new CommandError({ argv, exitCode, signal: undefined, timedOut: false, stderr, input });
}
