import { setTimeout as sleep } from 'node:timers/promises';

import { processState, type ProcessIdentity } from '../../system/process.js';
import type { Request } from '../../wire/control.js';
import { ask, type Answer } from '../supervisor-client.js';

/**
 * A supervisor that is at a long task (rules on a busy machine, the lock of iptables) answers other questions meanwhile, since none of them
 * waits for another in its event loop; one that is stopped or hangs answers none, feeds the switch no more, and never will.
 */
interface Patience {
  /** So long a request may take while others are answered. */
  readonly requestMs: number;
  /** In so many parts of a second, each waited for by ourselves, no question at all may stay without an answer: see `isHung`. */
  readonly ticks?: number;
  readonly tickMs?: number;
}

const TICKS = 8;
const TICK_MS = 1_000;
/** Answered from memory, and known to supervisors of every version. */
const QUESTION: Request = { verb: 'events' };

/** As ask, but `silent` as soon as the supervisor is known to hang. */
export async function askUnlessHung(path: string, request: Request, patience: Patience): Promise<Answer> {
  const over = new AbortController();
  const answer = ask(path, request, { timeoutMs: patience.requestMs });
  answer.catch(() => undefined); // one that hangs is killed by whoever asked, which ends the connection
  try {
    return await Promise.race([answer, untilHung(path, patience, over.signal)]);
  } finally {
    over.abort();
  }
}

/** Resolves once the supervisor hangs; never, once `over` is aborted. */
async function untilHung(path: string, patience: Patience, over: AbortSignal): Promise<Answer> {
  const { tickMs = TICK_MS } = patience;
  while (!over.aborted) {
    if (await isHung(path, patience, over)) return { kind: 'silent' };
    await sleep(tickMs, undefined, { signal: over }).catch(() => undefined);
  }
  return new Promise(() => undefined);
}

/**
 * Whether one question stays without any answer for all ticks. Time that we have not been there for counts once at most: where a machine was
 * suspended, or gave us no processor, it gave the supervisor none either.
 */
async function isHung(path: string, patience: Patience, over: AbortSignal): Promise<boolean> {
  const { ticks = TICKS, tickMs = TICK_MS, requestMs } = patience;
  const done = new AbortController();
  ask(path, QUESTION, { timeoutMs: requestMs }).then(
    ({ kind }) => {
      if (kind !== 'silent') done.abort();
    },
    () => {
      done.abort(); // it has ended, or says nonsense: it does something
    },
  );
  const either = AbortSignal.any([done.signal, over]);
  for (let tick = 0; tick < ticks && !either.aborted; tick += 1)
    await sleep(tickMs, undefined, { signal: either }).catch(() => undefined);
  return !either.aborted;
}

const STATES: Readonly<Record<string, string>> = {
  T: 'a signal (SIGSTOP) has stopped it',
  t: 'a debugger has stopped it',
  D: 'it waits for a disk',
};

/** Why a supervisor that was asked to end is killed, as far as it, or its process, tells; to be asked before. */
export function whyKilled({ pid }: ProcessIdentity, answer: Answer): string {
  switch (answer.kind) {
    case 'reply':
      return `could not end by itself (${answer.reply.remarks.map(({ text }) => text).join('; ')})`;
    case 'absent':
      return 'cannot be asked to end, for its control socket is gone';
    case 'silent':
      return `did not answer: ${STATES[processState(pid) ?? ''] ?? 'it hangs'}`;
  }
}
