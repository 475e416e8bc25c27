import { Resolver as DnsResolver } from 'node:dns/promises';
import { readFile, stat } from 'node:fs/promises';

import { CommandError, errorText } from '../base/errors.js';
import { isHost, parseAddress, parseNetwork, type Network } from '../base/address.js';
import { ok, refuse, type Result } from '../base/result.js';
import { systemExec } from './exec.js';
import { program } from './install-paths.js';

/**
 * Resolves a host name to the addresses of both families. A refusal says why there is none. Never rejects, and ends at once
 * where the signal is given.
 */
export type Resolver = (name: string, signal?: AbortSignal) => Promise<Result<readonly Network[]>>;

/** A name with more addresses than this is not one administrator's machine. */
const MAX_ADDRESSES = 64;
const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 1024 * 1024;

/**
 * The machine's own resolver (hosts file, then DNS, as nsswitch.conf says), in a process of its own (src/bin/look-up.ts) that is
 * ended where it takes too long: never iptables' or ipset's. Nothing in the answer is believed that is not a plain
 * unicast-looking literal address.
 */
export const systemResolver: Resolver = async (name, signal) => {
  try {
    const done = await systemExec([process.execPath, program('look-up'), name], {
      timeoutMs: TIMEOUT_MS,
      maxOutput: MAX_ANSWER,
      ...(signal === undefined ? {} : { signal }),
    });
    const told: unknown = JSON.parse(done.stdout);
    if (isObject(told) && Array.isArray(told['addresses'])) return usable(name, told['addresses']);
    return refuse(`${name} does not resolve: ${isObject(told) ? String(told['error']) : 'no answer'}`);
  } catch (error) {
    if (signal?.aborted === true) return refuse(`${name} does not resolve: no answer in time`);
    const isLate = error instanceof CommandError && error.failure.timedOut;
    const why = isLate ? `no answer within ${TIMEOUT_MS / 1000} s` : errorText(error);
    return refuse(`${name} does not resolve: ${why}`);
  }
};

function usable(name: string, answers: readonly unknown[]): Result<readonly Network[]> {
  const networks = new Map<string, Network>();
  for (const answer of answers) {
    const parsed = parseNetwork(typeof answer === 'string' ? answer : '');
    if (parsed.ok && isHost(parsed.value) && !/^(?:0\.0\.0\.0|::)$/.test(parsed.value.text)) {
      networks.set(parsed.value.text, parsed.value);
    }
  }
  if (networks.size === 0) return refuse(`${name} resolves to no usable address`);
  if (networks.size > MAX_ADDRESSES)
    return refuse(`${name} resolves to ${networks.size} addresses: too many`);
  return ok([...networks.values()]);
}

/**
 * The host name of an address in canonical form; undefined where there is none, or none that may be shown. Never
 * rejects, and ends at once where the signal is given.
 */
export type ReverseResolver = (address: string, signal: AbortSignal) => Promise<string | undefined>;

/** Wholly: with all of its tries at all servers. */
const REVERSE_MS = 5_000;
/** A longer hosts file is a list of blocked hosts: too much to read for a name. */
const MAX_HOSTS_BYTES = 1_000_000;
/** RFC 1035, section 2.3.4, for the text of a name. */
const MAX_NAME = 253;

/**
 * The hosts file, then DNS by the servers of resolv.conf, asked by Node itself: getnameinfo(3) would hold threads that
 * files are written with, cannot be ended before its time, and a few slow answers would stop both. (Node's `reverse`
 * reads the hosts file too, but gives the aliases in it without the name: measured with Node 20.)
 */
export const systemReverse: ReverseResolver = async (address, signal) => {
  const local = await hostsName(address);
  if (local !== undefined) return showableName(local);
  const resolver = new DnsResolver({ timeout: 2_000, tries: 2 });
  const cancel = (): void => {
    resolver.cancel();
  };
  const late = setTimeout(cancel, REVERSE_MS);
  signal.addEventListener('abort', cancel);
  try {
    if (signal.aborted) return undefined;
    const [name] = await resolver.reverse(address);
    return name === undefined ? undefined : showableName(name);
  } catch {
    return undefined; // no name, no answer, or cancelled: all the same to the line that goes without
  } finally {
    clearTimeout(late);
    signal.removeEventListener('abort', cancel);
  }
};

/**
 * The name, if it can be nothing else: letters, digits, `-` and `_` between dots. Whoever owns an address writes its
 * name, so all else (spaces, brackets, control characters, what looks like an address) is none.
 */
export function showableName(name: string): string | undefined {
  const text = name.replace(/\.$/, '');
  if (text.length > MAX_NAME) return undefined;
  const labels = text.split('.');
  const isName = labels.every((label) => /^(?!-)[A-Za-z0-9_-]{1,63}$/.test(label));
  return isName && !/^[0-9]+$/.test(labels.at(-1) ?? '') ? text : undefined;
}

/** The name that the hosts file has for an address: its first (hosts(5)). */
async function hostsName(address: string): Promise<string | undefined> {
  try {
    if ((await stat('/etc/hosts')).size > MAX_HOSTS_BYTES) return undefined;
    for (const line of (await readFile('/etc/hosts', 'utf8')).split('\n')) {
      const [written = '', name] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (name === undefined) continue;
      const parsed = parseAddress(written);
      if (parsed.ok && parsed.value.text === address) return name;
    }
  } catch {
    return undefined; // no file, no name
  }
  return undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
