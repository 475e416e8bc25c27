import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { errorText } from '../base/errors.js';
import { isHost, parseNetwork, type Network } from '../base/address.js';
import { ok, refuse, type Result } from '../base/result.js';

/** Resolves a host name to the addresses of both families. A refusal says why there is none. */
export type Resolver = (name: string) => Promise<Result<readonly Network[]>>;

/** A name with more addresses than this is not one administrator's machine. */
const MAX_ADDRESSES = 64;
const TIMEOUT_MS = 10_000;

/**
 * The machine's own resolver (hosts file, then DNS, as nsswitch.conf says), in our process: never
 * iptables' or ipset's. Nothing in the answer is believed that is not a plain unicast-looking
 * literal address.
 */
export const systemResolver: Resolver = async (name) => {
  const controller = new AbortController();
  const late = sleep(TIMEOUT_MS, undefined, { signal: controller.signal }).then(() => 'late' as const);
  late.catch(() => undefined); // aborted below when the answer was in time
  try {
    const answer = await Promise.race([lookup(name, { all: true, verbatim: true }), late]);
    if (answer === 'late') return refuse(`${name} does not resolve: no answer within ${TIMEOUT_MS / 1000} s`);
    return usable(
      name,
      answer.map((entry) => entry.address),
    );
  } catch (error) {
    return refuse(`${name} does not resolve: ${errorText(error)}`);
  } finally {
    controller.abort();
  }
};

function usable(name: string, answers: readonly string[]): Result<readonly Network[]> {
  const networks = new Map<string, Network>();
  for (const answer of answers) {
    const parsed = parseNetwork(answer);
    if (parsed.ok && isHost(parsed.value) && !/^(?:0\.0\.0\.0|::)$/.test(parsed.value.text)) {
      networks.set(parsed.value.text, parsed.value);
    }
  }
  if (networks.size === 0) return refuse(`${name} resolves to no usable address`);
  if (networks.size > MAX_ADDRESSES)
    return refuse(`${name} resolves to ${networks.size} addresses: too many`);
  return ok([...networks.values()]);
}
