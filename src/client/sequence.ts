import { isIP } from 'node:net';

import { FAMILIES } from '../base/address.js';
import type { Knock, KnockPlan } from './arguments.js';
import type { KnockIo } from './io.js';
import { errorCode, explain, NO_ROUTE, NOT_SENT, UNRESOLVED } from './reasons.js';
import type { Route } from './route.js';

/** The result of the sequence at one address; `absent`: nothing was sent, because there is no route to it. */
type Outcome =
  | { readonly kind: 'sent' }
  | { readonly kind: 'failed' }
  | { readonly kind: 'absent'; readonly reason: string };

/** A family over which nothing was sent. */
interface Unsent {
  /** `IPv4` or `IPv6`. */
  readonly over: string;
  readonly reason: string;
}

/**
 * Sends the plan's sequence. Returns true if all of it was sent; failures are reported with the reason.
 *
 * With `both`, the whole sequence is sent over IPv4 and then over IPv6, never step by step: in knockd 0.8 the end of
 * the oldest attempt drops all others, so of two parallel attempts it loses the second (measured). Neither does this
 * take longer for the server's time window, which each address has for itself. A family that the host or this machine
 * lacks is only a note if the other one was knocked.
 */
export async function sendSequence(plan: KnockPlan, io: KnockIo): Promise<boolean> {
  const families = plan.family === 'both' ? FAMILIES : [plan.family];
  const found = await Promise.allSettled(families.map(async (family) => io.resolve(plan.host, family)));
  const unsent: Unsent[] = [];
  let [sent, failed] = [false, false];
  for (const [index, result] of found.entries()) {
    if (result.status === 'rejected') {
      unsent.push({ over: `IPv${families[index] ?? ''}`, reason: explain(result.reason, UNRESOLVED) });
      continue;
    }
    const outcome = await knockAt(result.value, plan, io);
    if (outcome.kind === 'sent') sent = true;
    else if (outcome.kind === 'failed') failed = true;
    else unsent.push({ over: `IPv${isIP(result.value)}`, reason: outcome.reason });
  }
  if (found.every(({ status }) => status === 'rejected')) {
    const port = plan.knocks[0]?.portText ?? '';
    io.err(`Failed to resolve hostname '${plan.host}' on port ${port}\n${unsent[0]?.reason ?? ''}\n`);
    return false;
  }
  for (const { over, reason } of unsent) {
    io.err(`${sent ? 'note' : 'error'}: ${plan.host} was not knocked over ${over}: ${reason}\n`);
  }
  return sent && !failed;
}

/**
 * Sends the sequence to one address. A knock that cannot be sent is reported, and the others are still sent: the
 * sequence is lost either way, but a server that waits in the middle of it would take the first knock of the next try
 * for a wrong one.
 */
async function knockAt(address: string, plan: KnockPlan, io: KnockIo): Promise<Outcome> {
  let route: Route = { address, source: undefined };
  if (plan.interface !== undefined) {
    const found = await io.routeThrough(address, plan.interface);
    if (!found.ok) return { kind: 'absent', reason: found.reason };
    route = found.value;
  }
  let failed = false;
  const knocks = Array.from({ length: plan.times }, () => plan.knocks).flat();
  for (const [index, knock] of knocks.entries()) {
    const name = label(knock, route.address);
    if (plan.verbose) io.out(`hitting ${name}\n`);
    try {
      await io.send({ ...route, protocol: knock.protocol, port: knock.port });
    } catch (error) {
      const reason = explain(error, NOT_SENT);
      if (plan.family === 'both' && index === 0 && NO_ROUTE.includes(errorCode(error))) {
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
