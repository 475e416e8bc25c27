/** The conditions of a rule for a new connection. Pure. */
import type { Rule } from '../../iptables-parser/rule.js';
import type { Negatable } from '../../iptables-parser/types.js';
import type { Condition } from './box.js';
import { matchConditions } from './matches.js';
import { CHOICE, known, NEVER, UNKNOWN, type NewConnection } from './newcomer.js';
import { networkRanges } from './ranges.js';

/** Returns all conditions of a rule; a single `never` if the rule cannot match such packets. */
export function conditionsOf(rule: Rule, newcomer: NewConnection): readonly Condition[] {
  // The cheap checks first: most rules of a long list concern another protocol or port.
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
    // Second and later fragments do not open a connection.
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
  { family }: NewConnection,
): Condition {
  const ranges = networkRanges(value, family);
  return ranges === undefined ? UNKNOWN : { kind: 'ranges', field, ranges, negated };
}

/** Packets for this host have no output interface. */
function outgoing({ value, negated }: Negatable, { isForOthers }: NewConnection): Condition {
  if (!isForOthers) return known(negated);
  return value === 'lo' ? known(negated) : CHOICE;
}
