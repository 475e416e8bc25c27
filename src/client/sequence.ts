import { isIP } from 'node:net';

import { FAMILIES } from '../base/address.js';
import type { Knock, KnockPlan } from './arguments.js';
import type { KnockIo } from './io.js';
import { errorCode, explain, NO_WAY, NOT_SENT, UNRESOLVED } from './reasons.js';
import type { Way } from './route.js';

/** What became of the sequence at one address; `absent`: nothing was sent, for there is no way to it. */
type Outcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'absent'; readonly reason: string };

/** A way over which nothing was sent. */
interface Absence {
  /** `IPv4` or `IPv6`. */
  readonly over: string;
  readonly reason: string;
}

/**
 * Sends the plan's sequence. True where all of it went out; what did not is reported, with the reason.
 *
 * With `both`, the whole sequence goes out over IPv4 and then over IPv6, never step by step: in
 * knockd 0.8 the end of the oldest attempt drops all others, so that of two attempts side by side it
 * loses the second (measured). Nor has either a longer way through the server's time window, which
 * each address has for itself. A family that the host or this machine has not is only worth a note
 * where the other one is knocked.
 */
export async function sendSequence(plan: KnockPlan, io: KnockIo): Promise<boolean> {
  const families = plan.family === 'both' ? FAMILIES : [plan.family];
  const found = await Promise.allSettled(families.map(async (family) => io.resolve(plan.host, family)));
  const absences: Absence[] = [];
  let [sent, failed] = [false, false];
  for (const [index, result] of found.entries()) {
    if (result.status === 'rejected') {
      absences.push({ over: `IPv${families[index] ?? ''}`, reason: explain(result.reason, UNRESOLVED) });
      continue;
    }
    const outcome = await knockAt(result.value, plan, io);
    if (outcome.kind === 'sent') sent = true;
    else if (outcome.kind === 'failed') failed = true;
    else absences.push({ over: `IPv${isIP(result.value)}`, reason: outcome.reason });
  }
  if (found.every(({ status }) => status === 'rejected')) {
    const port = plan.knocks[0]?.portText ?? '';
    io.err(`Failed to resolve hostname '${plan.host}' on port ${port}\n${absences[0]?.reason ?? ''}\n`);
    return false;
  }
  for (const { over, reason } of absences) {
    io.err(`${sent ? 'note' : 'error'}: ${plan.host} was not knocked over ${over}: ${reason}\n`);
  }
  return sent && !failed;
}

/**
 * A knock that cannot be sent is reported, and the others still go out: the sequence is lost either
 * way, but a server that waits half-way through it would take the first knock of the next try for a
 * wrong one.
 */
async function knockAt(address: string, plan: KnockPlan, io: KnockIo): Promise<Outcome> {
  let way: Way = { address, source: undefined };
  if (plan.interface !== undefined) {
    const found = await io.wayOut(address, plan.interface);
    if (!found.ok) return { kind: 'absent', reason: found.reason };
    way = found.value;
  }
  let failed = false;
  const knocks = Array.from({ length: plan.times }, () => plan.knocks).flat();
  for (const [index, knock] of knocks.entries()) {
    const name = label(knock, way.address);
    if (plan.verbose) io.out(`hitting ${name}\n`);
    try {
      await io.send({ ...way, protocol: knock.protocol, port: knock.port });
    } catch (error) {
      const reason = explain(error, NOT_SENT);
      if (plan.family === 'both' && index === 0 && NO_WAY.includes(errorCode(error))) {
        return { kind: 'absent', reason };
      }
      io.err(`error: ${name} was not sent: ${reason}\n`);
      failed = true;
    }
    if (plan.delayMs > 0) await io.sleep(plan.delayMs);
  }
  return { kind: failed ? 'failed' : 'sent' };
}

function label(knock: Knock, address: string): string {
  return `${knock.protocol} ${address}:${knock.portText}`;
}
