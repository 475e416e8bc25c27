import type { Family, Network } from '../../base/address.js';
import { TCP_FLAGS, type FlagFilter, type Protocol } from '../../knock/door.js';

/** Builds matches and targets of rules in the form and order of iptables-save. Pure. */

/** The maximum number of ports of multiport (iptables-extensions(8)). */
const MAX_PORTS = 15;

/** The match for destinations: the part of a rule before its protocol, and the part after its ports. */
export interface Destination {
  readonly before: string;
  readonly behind: string;
}

/**
 * Returns the match for a door's destination: its target, or the host's own addresses. `ask`: whether own addresses
 * need a match; if no door has a target, every packet that passes the first chain is for the host.
 */
export function destinationOf(target: Network | undefined, family: Family, ask: boolean): Destination {
  if (target !== undefined) return { before: `-d ${targetText(target, family)}`, behind: '' };
  return { before: '', behind: ask ? '-m addrtype --dst-type LOCAL' : '' };
}

/** Formats an address as iptables-save prints it after -d. */
export function targetText(target: Network, family: Family): string {
  return `${target.text}/${family === 4 ? 32 : 128}`;
}

/** Joins the parts of a rule, without `-A CHAIN `. */
export function rule(...words: readonly string[]): string {
  return words.filter((word) => word !== '').join(' ');
}

/** Matches packets to a port or a range of ports; TCP packets must pass the flag filter. */
export function stepMatch(
  { protocol, port }: { readonly protocol: Protocol; readonly port: number | string },
  flags?: FlagFilter,
): string {
  const more = protocol === 'tcp' && flags !== undefined ? flagWords(flags) : '';
  return rule(`-m ${protocol} --dport ${port}`, more);
}

/** Matches packets to any of the ports, in as many matches as needed. */
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

/** Matches TCP packets that fail the flag filter; undefined without a filter. */
export function otherFlags(flags: FlagFilter): string | undefined {
  return flags.mask === 0 ? undefined : `-p tcp -m tcp ! ${flagWords(flags)}`;
}

export function inSet(set: string): string {
  return `-m set --match-set ${set} src`;
}

export function notInSet(set: string): string {
  return `-m set ! --match-set ${set} src`;
}

/**
 * Adds the source to the set; `renew` restarts the time of an existing entry, which otherwise keeps it. Without
 * `timeoutS`: the set's default.
 */
export function addTo(set: string, renew?: 'renew', timeoutS?: number): string {
  const time = timeoutS === undefined ? '' : ` --timeout ${timeoutS}`;
  return `-j SET --add-set ${set} src${renew === undefined ? '' : ' --exist'}${time}`;
}

export function deleteFrom(set: string): string {
  return `-j SET --del-set ${set} src`;
}

function flagWords({ mask, value }: FlagFilter): string {
  return mask === 0 ? '' : `--tcp-flags ${flagNames(mask)} ${flagNames(value)}`;
}

function flagNames(bits: number): string {
  const names = Object.entries(TCP_FLAGS).filter(([, bit]) => (bits & bit) !== 0);
  return names.length === 0 ? 'NONE' : names.map(([name]) => name.toUpperCase()).join(',');
}
