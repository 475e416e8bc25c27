import { closeSync, writeSync } from 'node:fs';

import { isErrno } from './files.js';

/** The environment variable with the descriptor on which `knockctl start` waits for the outcome. */
export const READY_VARIABLE = 'KNOCKCTL_READY_FD';
/** That descriptor, where `knockctl start` opens it. */
export const READY_FD = 3;

/** How a start went, as the supervisor tells whoever started it. */
export interface StartOutcome {
  readonly exitCode: number;
  readonly text: string;
  readonly hint?: string | undefined;
  /** What the caller must hear besides. */
  readonly notes?: readonly string[];
  /** Started on trial: when the kernel goes back, ISO 8601, UTC. */
  readonly until?: string;
  /** True where the supervisor goes on, armed or trying; false where it ends. */
  readonly keepsRunning: boolean;
  /** It ends because another one is there. */
  readonly another?: true;
}

/** The outcome in a text of ours; undefined where it is none. */
export function readStartOutcome(text: string): StartOutcome | undefined {
  if (text === '') return undefined;
  const parsed: unknown = JSON.parse(text);
  return isOutcome(parsed) ? parsed : undefined;
}

function isOutcome(value: unknown): value is StartOutcome {
  return (
    typeof value === 'object' && value !== null && 'exitCode' in value && typeof value.exitCode === 'number'
  );
}

/**
 * Tells the outcome of the start, once, to the process that waits for it on the descriptor named by
 * READY_VARIABLE; without that variable nobody waits. One JSON document, then end of file.
 */
export function readyNotifier(): (outcome: StartOutcome) => void {
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
