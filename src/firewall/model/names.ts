import type { Family } from '../../base/address.js';
import type { SetList } from '../../base/lists.js';

/** Names in the kernel (docs/interface.md, "Chains and sets"). Sets have at most 31 characters. */

/** Chain names are at most 28 characters long (iptables(8)). */
export const MAX_CHAIN = 28;

/** The set of one list of a service, for one family. */
export function setName(service: string, list: SetList, family: Family): string {
  return `${service}_${list}${family}`;
}

/** The set that is the kernel switch of a service: one for both families. */
export function aliveSet(service: string): string {
  return `${service}_alive`;
}

/** What a set is called until it is whole. No list of any service has such a name; 29 characters at most. */
export function freshName(set: string): string {
  return `${set}_new`;
}

/** The set that times a trial: while a port is in it, that port meets the new rules. For both families. */
export function trialSet(service: string): string {
  return `${service}_trial`;
}

/** The service by whose name the trusted sets of the new rules are found while they are on trial. No service has a dot. */
export function trialLabel(service: string): string {
  return `${service}.new`;
}

/** What the chains of a service begin with. */
export function chainPrefix(service: string): string {
  return `${service}_`;
}

/** The comment by which the rules of a service for packets that hide what they are are known; no service has a colon. */
export function hiddenTag(service: string): string {
  return `knockctl:hidden:${service}`;
}

/** The chain that a service's second gate begins with, in the table mangle. Others of the gate's begin with this and a dot. */
export function gateChain(service: string): string {
  return `${service}_gate`;
}

/** True for the chains of a service's second gate, and those that a trial makes of them; no service has a dot in its name. */
export function isGateChain(chain: string, service: string): boolean {
  return chain === gateChain(service) || chain.startsWith(`${gateChain(service)}.`);
}

/** The comment by which the one jump of a service is known, wherever it stands. */
export function jumpTag(service: string): string {
  return `knockctl:${service}`;
}

/**
 * The rules of a trial: two versions side by side, and a set of the kernel that says which of them a
 * port meets. Pure.
 *
 * The old version stays exactly where it is, under its own names; the new one stands beside it under
 * other names. So what the kernel goes back to has not been touched, the end of an unconfirmed trial
 * only takes away, and a later life that knows the old configuration finds its chains as it left them.
 */

/** What the chains of the new version end with: no service has a dot in its name. */
const SUFFIX = '.new';

/** The names that these chains of a service have while they are on trial; `taken` are not free. */
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
