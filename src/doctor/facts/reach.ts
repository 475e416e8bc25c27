import { chains, findTable, rulesOf } from '../../iptables-parser/query.js';
import type { Rule } from '../../iptables-parser/rule.js';
import type { Ruleset, Table } from '../../iptables-parser/document.js';
import { isOurs } from './ours.js';

/**
 * Who gets to a port by the rules of a host, ours left out: everybody, some (a rule has a condition that holds for some
 * of them), nobody. `by`: whether a rule decides in the end, or the policy of the chain.
 */
export interface Reach {
  readonly who: 'everybody' | 'some' | 'nobody';
  readonly by: 'rule' | 'policy';
  /** A rule accepts, if only some. */
  readonly isAccepted: boolean;
}

/** A new connection, or a datagram, to a port. */
export interface Wanted {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** Deeper than any sane ruleset, and iptables refuses loops. */
const MAX_DEPTH = 32;

/** Whether what is wanted passes the filter table from this chain on. A table that is not there lets all through. */
export function reach(ruleset: Ruleset | undefined, chain: string, wanted: Wanted): Reach {
  const table = ruleset && findTable(ruleset, 'filter');
  if (table === undefined) return { who: 'everybody', by: 'policy', isAccepted: false };
  const walked = walk(table, chain, wanted, 0);
  const policy = chains(table).find(({ name }) => name === chain)?.policy;
  const isOpen = walked.end === 'accept' || (walked.end === 'through' && policy !== 'DROP');
  const by = walked.end === 'through' ? 'policy' : 'rule';
  const isAccepted = walked.acceptedSome || walked.end === 'accept';
  if (isOpen) return { who: walked.refusedSome ? 'some' : 'everybody', by, isAccepted };
  return { who: walked.acceptedSome ? 'some' : 'nobody', by, isAccepted };
}

interface Walked {
  /** What meets those that no conditional rule has taken. */
  readonly end: 'accept' | 'refuse' | 'through';
  readonly acceptedSome: boolean;
  readonly refusedSome: boolean;
}

function walk(table: Table, chain: string, wanted: Wanted, depth: number): Walked {
  let acceptedSome = false;
  let refusedSome = false;
  if (depth > MAX_DEPTH) return { end: 'through', acceptedSome, refusedSome };
  for (const rule of rulesOf(table, chain)) {
    if (rule.target === undefined || isOurs(rule)) continue;
    const share = matching(rule, wanted);
    if (share === 'none') continue;
    const { name, by } = rule.target;
    const meets = verdict(name) ?? walk(table, name, wanted, depth + 1);
    const whole = share === 'all';
    if (meets.end === 'accept' || meets.acceptedSome) acceptedSome ||= !whole || meets.end !== 'accept';
    if (meets.end === 'refuse' || meets.refusedSome) refusedSome ||= !whole || meets.end !== 'refuse';
    if (!whole) continue;
    if (meets.end !== 'through') return { end: meets.end, acceptedSome, refusedSome };
    if (name === 'RETURN' || by === 'goto') break;
  }
  return { end: 'through', acceptedSome, refusedSome };
}

function verdict(target: string): Walked | undefined {
  const plain = { acceptedSome: false, refusedSome: false };
  if (target === 'ACCEPT') return { ...plain, end: 'accept' };
  if (target === 'DROP' || target === 'REJECT' || target === 'TARPIT') return { ...plain, end: 'refuse' };
  return undefined; // a chain; a target that decides nothing (LOG) is a chain without rules
}

/** How much of what is wanted a rule is about. */
export type Share = 'all' | 'some' | 'none';

/** How much of what is wanted a rule is about; `from anywhere`: whatever source it asks for. */
export function matching(rule: Rule, { protocol, port }: Wanted, from?: 'from anywhere'): Share {
  const shares: Share[] = [];
  if (rule.protocol !== undefined) {
    const { value, negated } = rule.protocol;
    shares.push((value === 'all' || value === protocol) !== negated ? 'all' : 'none');
  }
  const { inInterface } = rule;
  if (inInterface !== undefined)
    shares.push(inInterface.value === 'lo' && !inInterface.negated ? 'none' : 'some');
  const source = from === undefined ? rule.source : undefined;
  for (const given of [source, rule.destination, rule.outInterface, ...rule.otherOptions])
    if (given !== undefined) shares.push('some');
  for (const { module, options } of rule.matches) {
    for (const { name, values, negated } of options) {
      shares.push(optionShare(module, name, values.join(','), port, negated));
    }
  }
  if (shares.includes('none')) return 'none';
  return shares.includes('some') ? 'some' : 'all';
}

function optionShare(module: string, name: string, value: string, port: number, negated: boolean): Share {
  const holds = (is: boolean): Share => (is === negated ? 'none' : 'all');
  switch (`${module} ${name}`) {
    case 'comment --comment':
      return 'all';
    case 'tcp --dport':
    case 'udp --dport':
    case 'multiport --dports':
      return holds(covers(value, port));
    case 'tcp --syn':
      return holds(true);
    case 'tcp --tcp-flags':
      return value.endsWith('SYN') ? holds(true) : 'some';
    case 'conntrack --ctstate':
    case 'state --state':
      return holds(value.split(',').includes('NEW'));
    case 'addrtype --dst-type':
      return value === 'LOCAL' ? holds(true) : 'some';
    default:
      return 'some';
  }
}

/** True where `22`, `20:25` or a list of such has the port, as iptables-save prints them. */
function covers(ports: string, port: number): boolean {
  return ports.split(',').some((item) => {
    const [first = NaN, last = first] = item.split(':').map(Number);
    return first <= port && port <= last;
  });
}
