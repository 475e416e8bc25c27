import type { Finding } from '../../wire/reports.js';
import type { Facts, InTheWay } from '../facts/facts.js';

/** Rules of nft that keep iptables from showing its own table. */
export function inTheWay({ inTheWay: rules = [] }: Pick<Facts, 'inTheWay'>): Finding[] {
  return rules.map((rule) => ({
    level: 'warning',
    text: `a rule of nft in a table of iptables keeps iptables-save from showing it (${placeOf(rule)}): ${rule.text}`,
    effect:
      'knockctl reads its own rules there by another way; what rules of others do to its ports is not looked at, and saved rules are not whole',
    fix: mendOf(rule),
  }));
}

function placeOf({ family, table, chain }: InTheWay): string {
  return `${family === 4 ? 'ip' : 'ip6'} ${table} ${chain}`;
}

function mendOf(rule: InTheWay): string {
  const { program, handle } = rule;
  const by = program ?? 'whoever made it';
  return `nft delete rule ${placeOf(rule)} handle ${handle}; and have ${by} use a table of its own (nft monitor names who makes it anew)`;
}
