import type { PortLookUp } from '../shadow.js';

import type { Place } from './effect.js';

const IPTABLES = /(?:^|[\s/("'`])ip6?tables(?:-nft|-legacy)?\s/;
const PROTOCOL = /\s(?:-p|--proto|--protocol)[\s=]+["']?([A-Za-z0-9-]+)/;
const PORT_OPTION = /\s--(?:dport|destination-port)s?\b/;
/** What can open a port, or undo an opening, without naming it. */
const WHOLE = /\bACCEPT\b|\s(?:-F|--flush)\b/;

/**
 * True where a line that is left to the shell seems to open or shut the place too, read loosely: it
 * names the port by number, name or range, or it has an iptables command for all ports. Better too
 * often than too seldom: the place is then left to the doors’ own rules altogether.
 */
export function mentions(line: string, place: Place, lookUp: PortLookUp): boolean {
  return line.split(/[;&|\n]+/).some((command) => mentionsOnce(command, place, lookUp));
}

function mentionsOnce(command: string, { ports, protocol }: Place, lookUp: PortLookUp): boolean {
  const isIptables = IPTABLES.test(command);
  const other = PROTOCOL.exec(command)?.[1]?.toLowerCase() ?? 'all';
  if (isIptables && other !== 'all' && other !== protocol) return false;
  if (isIptables && !PORT_OPTION.test(command)) return WHOLE.test(command);
  return command
    .split(/[^A-Za-z0-9_.:+%-]+/)
    .some((word) => ports.some((port) => covers(word, port, lookUp)));
}

/** True where `22`, `ssh` or `20:25` has the port. */
function covers(word: string, port: number, lookUp: PortLookUp): boolean {
  const [first, last = first] = word
    .split(':')
    .map((part) => (/^[0-9]{1,5}$/.test(part) ? Number(part) : lookUp(part)));
  return first !== undefined && last !== undefined && first <= port && port <= last;
}
