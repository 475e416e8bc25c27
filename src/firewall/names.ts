import type { Family } from '../base/address.js';
import type { ListName } from '../base/lists.js';

/** Names in the kernel (interface.md, "Chains and sets"). Chains have at most 28 characters, sets 31. */

/** The set of one list of a service, for one family. */
export function setName(service: string, list: ListName, family: Family): string {
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

/** What the chains of a service begin with. */
export function chainPrefix(service: string): string {
  return `${service}_`;
}

/** The comment by which the one jump of a service is known, wherever it stands. */
export function jumpTag(service: string): string {
  return `knockctl:${service}`;
}
