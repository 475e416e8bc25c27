import type { Family } from '../../base/address.js';
import type { SetList } from '../../base/lists.js';

/** Names in the kernel (interface.md, "Chains and sets"). Sets have at most 31 characters. */

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
