import type { Family, Network } from '../../base/address.js';
import { TCP_FLAGS, type FlagFilter, type Protocol } from '../../knock/door.js';

/** Words of rules, in the form and order in which iptables-save prints them. Pure. */

/** multiport(8) takes no more ports. */
const MAX_PORTS = 15;

/** Which destinations count. Of a rule, what stands before its protocol, and what stands behind its ports. */
export interface Destination {
  readonly before: string;
  readonly behind: string;
}

/**
 * The destination that a door counts: its target, or the host's own addresses. `ask`: whether that has to be asked;
 * where no door has a target, all that gets past the first chain goes to an own address.
 */
export function destinationOf(target: Network | undefined, family: Family, ask: boolean): Destination {
  if (target !== undefined) return { before: `-d ${targetText(target, family)}`, behind: '' };
  return { before: '', behind: ask ? '-m addrtype --dst-type LOCAL' : '' };
}

/** An address as iptables-save prints it after -d. */
export function targetText(target: Network, family: Family): string {
  return `${target.text}/${family === 4 ? 32 : 128}`;
}

/** A rule, all after `-A CHAIN `. */
export function rule(...words: readonly string[]): string {
  return words.filter((word) => word !== '').join(' ');
}

/** Packets of one knock, or to a range of ports; the flags of a TCP packet must be such as the filter says. */
export function stepMatch(
  { protocol, port }: { readonly protocol: Protocol; readonly port: number | string },
  flags?: FlagFilter,
): string {
  const more = protocol === 'tcp' && flags !== undefined ? flagWords(flags) : '';
  return rule(`-m ${protocol} --dport ${port}`, more);
}

/** Packets to any of the ports, as many matches as it takes. */
export function portMatches(protocol: Protocol, ports: readonly number[], flags: FlagFilter): string[] {
  const [only] = ports;
  if (ports.length === 1 && only !== undefined) return [stepMatch({ protocol, port: only }, flags)];
  const words = protocol === 'tcp' ? flagWords(flags) : '';
  const matches: string[] = [];
  for (let at = 0; at < ports.length; at += MAX_PORTS) {
    const some = ports.slice(at, at + MAX_PORTS).join(',');
    matches.push(rule(words === '' ? '' : `-m tcp ${words}`, `-m multiport --dports ${some}`));
  }
  return matches;
}

/** TCP packets with other flags than the filter asks for; undefined where it asks for none. */
export function otherFlags(flags: FlagFilter): string | undefined {
  return flags.mask === 0 ? undefined : `-p tcp -m tcp ! ${flagWords(flags)}`;
}

export function inSet(set: string): string {
  return `-m set --match-set ${set} src`;
}

export function notInSet(set: string): string {
  return `-m set ! --match-set ${set} src`;
}

/** Takes the source into the set: once, whatever time it has left in it, or with its time anew. Without a time: the set's. */
export function addTo(set: string, renew?: 'renew', timeoutS?: number): string {
  const time = timeoutS === undefined ? '' : ` --timeout ${timeoutS}`;
  return `-j SET --add-set ${set} src${renew === undefined ? '' : ' --exist'}${time}`;
}

export function takeFrom(set: string): string {
  return `-j SET --del-set ${set} src`;
}

function flagWords({ mask, value }: FlagFilter): string {
  return mask === 0 ? '' : `--tcp-flags ${flagNames(mask)} ${flagNames(value)}`;
}

function flagNames(bits: number): string {
  const names = Object.entries(TCP_FLAGS).filter(([, bit]) => (bits & bit) !== 0);
  return names.length === 0 ? 'NONE' : names.map(([name]) => name.toUpperCase()).join(',');
}
