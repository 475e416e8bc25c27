import { spawn } from 'node:child_process';

import { errorText } from '../../base/errors.js';
import { requireDescriptors } from '../../system/descriptors.js';
import { CHILD_ENV } from '../../system/exec-env.js';
import { goAsOthers } from '../../system/oom.js';

/**
 * How a shell line ended: its exit status; 0 where a signal killed it (as knockd reports it), and which. `failed`: it
 * could not be run, and why.
 */
export type ShellCommandResult =
  { readonly status: number; readonly signal?: NodeJS.Signals } | { readonly failed: string };

/** A shell line that runs. */
export interface RunningShellCommand {
  /** Lets our process end though it still runs. */
  detach(): void;
}

/** Starts a shell line; `ended` is called once, and later than this returns. Throws where it cannot be started now. */
export type ShellCommandStarter = (
  line: string,
  ended: (result: ShellCommandResult) => void,
) => RunningShellCommand;

/** As knockd does it. */
export function shellArgv(line: string): string[] {
  return ['/bin/sh', '-c', line];
}

/**
 * By /bin/sh as a child of ours, in a session of its own: what ends us, by a terminal or a process group, must not end it. Descriptors of
 * ours are closed in it (close-on-exec).
 */
export const startShellCommand: ShellCommandStarter = (line, ended) => {
  requireDescriptors();
  const [program = '', ...words] = shellArgv(line);
  const child = spawn(program, words, { stdio: 'ignore', env: CHILD_ENV, cwd: '/', detached: true });
  goAsOthers(child.pid);
  let hasEnded = false;
  const end = (result: ShellCommandResult): void => {
    if (!hasEnded) ended(result);
    hasEnded = true;
  };
  child.on('error', (error) => {
    end({ failed: errorText(error) });
  });
  child.on('exit', (code, signal) => {
    end({ status: code ?? 0, ...(signal === null ? {} : { signal }) });
  });
  return {
    detach: () => {
      child.unref();
    },
  };
};
