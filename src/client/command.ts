import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

import type { Command } from './arguments.js';

/** A terminal also sends these to the command: it decides, and knock waits for it, as system(3) does. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** These may be sent to knock alone, but should end both processes. */
const FOR_BOTH: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];

/**
 * Runs a command, found in $PATH, without a shell, with knock's terminal, environment and process group. Resolves with
 * its exit code, or 128 + n if signal n ended it; rejects with the system's error if it cannot be started.
 */
export async function runCommand([program, ...args]: Command): Promise<number> {
  let child: ChildProcess | undefined;
  const ignore = (): void => undefined;
  const pass = (signal: NodeJS.Signals): void => {
    child?.kill(signal);
  };
  for (const signal of FROM_TERMINAL) process.on(signal, ignore);
  for (const signal of FOR_BOTH) process.on(signal, pass);
  try {
    return await new Promise((resolve, reject) => {
      child = spawn(program, args, { stdio: 'inherit' });
      child.once('error', reject);
      child.once('exit', (code, signal) => {
        resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
      });
    });
  } finally {
    for (const signal of FROM_TERMINAL) process.off(signal, ignore);
    for (const signal of FOR_BOTH) process.off(signal, pass);
  }
}
