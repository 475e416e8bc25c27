import type { Family } from '../../base/address.js';
import type { SetList } from '../../base/lists.js';

/** Names in the kernel (docs/interface.md, "Chains and sets"). Sets have at most 31 characters. */

/** Chain names are at most 28 characters long (iptables(8)). */
export const MAX_CHAIN = 28;

/** The set of one list of a service, for one family. */
export function setName(service: string, list: SetList, family: Family): string {
  return `${service}_${list}${family}`;
}

/** The watchdog set of a service (its dead-man's switch): one for both families. */
export function aliveSet(service: string): string {
  return `${service}_alive`;
}

/** The temporary name of a set while it is being filled. No list has such a name; 29 characters at most. */
export function freshName(set: string): string {
  return `${set}_new`;
}

/** The timer of a trial: ports in this set meet the new rules. One for both families. */
export function trialSet(service: string): string {
  return `${service}_trial`;
}

/**
 * The label that replaces the service's name in the trusted sets of the new rules during a trial. No service has a dot
 * in its name.
 */
export function trialLabel(service: string): string {
  return `${service}.new`;
}

/** The prefix of a service's chain names. */
export function chainPrefix(service: string): string {
  return `${service}_`;
}

/**
 * The comment that marks a service's rules for packets that hide their protocol or port. No service has a colon in its
 * name.
 */
export function hiddenTag(service: string): string {
  return `knockctl:hidden:${service}`;
}

/**
 * The first chain of a service's strict gate, in table mangle. The gate's other chains begin with this name and a dot.
 */
export function gateChain(service: string): string {
  return `${service}_gate`;
}

/**
 * True for the chains of a service's strict gate, including those that a trial makes of them. No service has a dot in
 * its name.
 */
export function isGateChain(chain: string, service: string): boolean {
  return chain === gateChain(service) || chain.startsWith(`${gateChain(service)}.`);
}

/** The comment that marks a service's jump, in any chain. */
export function jumpTag(service: string): string {
  return `knockctl:${service}`;
}

/**
 * The rules of a trial: two versions side by side, and a kernel set that decides which of them a port meets. Pure.
 *
 * The old version stays unchanged, under its own names; the new one is added under other names. So the rules that the
 * kernel falls back to are never touched, an unconfirmed trial ends by removal only, and a later run that knows the old
 * configuration finds its chains unchanged.
 */

/** The suffix of the new version's chain names: no service has a dot in its name. */
const SUFFIX = '.new';

/** Maps each of a service's chains to its name during a trial; names in `taken` are not used. */
export function trialChains(
  service: string,
  chains: readonly string[],
  taken: readonly string[] = [],
): Map<string, string> {
  const used = new Set([...chains, ...taken]);
  return new Map(
    chains.map((chain, index) => {
      const short = `${chainPrefix(service)}${index}`;
      const stem = chain.length + SUFFIX.length <= MAX_CHAIN ? chain : short;
      let name = `${stem}${SUFFIX}`;
      for (let more = 1; used.has(name); more++) name = `${short}-${more}${SUFFIX}`;
      used.add(name);
      return [chain, name] as const;
    }),
  );
}
