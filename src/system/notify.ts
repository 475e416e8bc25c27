import { closeSync, writeSync } from 'node:fs';

import { isErrno } from './files.js';

/** The environment variable with the descriptor on which `knockctl start` waits for the outcome. */
export const READY_VARIABLE = 'KNOCKCTL_READY_FD';
/** That descriptor, where `knockctl start` opens it. */
export const READY_FD = 3;

/**
 * Tells the outcome of the start, once, to the process that waits for it on the descriptor named by
 * READY_VARIABLE; without that variable nobody waits. One JSON document, then end of file.
 */
export function readyNotifier(): (outcome: object) => void {
  const descriptor = Number(process.env[READY_VARIABLE] ?? NaN);
  // Nothing that we start may inherit it.
  Reflect.deleteProperty(process.env, READY_VARIABLE);
  let open = Number.isInteger(descriptor) && descriptor > 2;
  return (outcome) => {
    if (!open) return;
    open = false;
    try {
      writeSync(descriptor, `${JSON.stringify(outcome)}\n`);
    } catch (error) {
      if (!isErrno(error, 'EPIPE')) throw error; // nobody waits any more
    }
    closeSync(descriptor);
  };
}
