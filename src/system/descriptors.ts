import { closeSync, openSync } from 'node:fs';

import { errorText, EXIT, KnockError } from '../base/errors.js';

/** What the start of a process takes at its most: both ends of four pipes, and libuv's own pair. */
const FOR_A_PROCESS = 10;

/**
 * To be called before a process is started: throws KnockError where there are not descriptors enough for it. Node's own
 * spawn gives a child without streams then, and raises an error that ends us before anybody can listen for it.
 */
export function requireDescriptors(): void {
  const opened: number[] = [];
  try {
    for (let count = 0; count < FOR_A_PROCESS; count += 1) opened.push(openSync('/dev/null', 'r'));
  } catch (cause) {
    throw new KnockError(`no process can be started now: ${errorText(cause)}`, {
      exitCode: EXIT.busy,
      cause,
    });
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}
