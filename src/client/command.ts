import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';

import type { Command } from './arguments.js';

/** A terminal sends these to the command as well: it decides, and we wait for what it does, as system(3) does. */
const FROM_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT'];
/** These may come to us alone, from somebody who wants both of us to end. */
const FOR_BOTH: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP'];

/**
 * Runs a command, found by $PATH, without a shell, with our terminal, environment and process group.
 * Resolves with its exit code, or 128 + n where signal n ended it; rejects with the kernel's error
 * where it cannot be started.
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
