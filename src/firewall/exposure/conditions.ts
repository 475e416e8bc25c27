/** What a rule asks of a new connection. Pure. */
import type { Rule } from '../../iptables-parser/rule.js';
import type { Negatable } from '../../iptables-parser/types.js';
import type { Condition } from './box.js';
import { matchConditions } from './matches.js';
import { CHOICE, known, NEVER, UNKNOWN, type Newcomer } from './newcomer.js';
import { networkRanges } from './ranges.js';

/** All that a rule asks for; one `never` where it is not about such packets at all. */
export function conditionsOf(rule: Rule, newcomer: Newcomer): readonly Condition[] {
  // The cheap ones first: most rules of a long list are about another protocol, or port.
  const { protocol } = rule;
  if (protocol !== undefined && !isProtocol(protocol, newcomer.protocol)) return [NEVER];
  const conditions = [...matchConditions(rule, newcomer)];
  if (conditions.some(({ kind }) => kind === 'never')) return [NEVER];
  const { source, destination, inInterface, outInterface, otherOptions } = rule;
  if (source !== undefined) conditions.push(address('sources', source, newcomer));
  if (destination !== undefined) conditions.push(address('destinations', destination, newcomer));
  if (inInterface !== undefined)
    conditions.push({ kind: 'interface', name: inInterface.value, negated: inInterface.negated });
  if (outInterface !== undefined) conditions.push(outgoing(outInterface, newcomer));
  for (const { name, negated } of otherOptions) {
    // Second and later fragments have no header of a new connection.
    if (name === '-f' || name === '--fragment') conditions.push(known(negated));
    else if (name !== '-4' && name !== '-6' && name !== '-c') conditions.push(UNKNOWN);
  }
  return conditions.filter(({ kind }) => kind !== 'always');
}

const NUMBERS: Readonly<Record<string, string>> = { '0': 'all', '6': 'tcp', '17': 'udp' };

function isProtocol({ value, negated }: Negatable, protocol: string): boolean {
  const name = NUMBERS[value] ?? value;
  return (name === 'all' || name === protocol) !== negated;
}

function address(
  field: 'sources' | 'destinations',
  { value, negated }: Negatable,
  { family }: Newcomer,
): Condition {
  const ranges = networkRanges(value, family);
  return ranges === undefined ? UNKNOWN : { kind: 'ranges', field, ranges, negated };
}

/** What is for this host itself leaves by no interface. */
function outgoing({ value, negated }: Negatable, { isForOthers }: Newcomer): Condition {
  if (!isForOthers) return known(negated);
  return value === 'lo' ? known(negated) : CHOICE;
}
