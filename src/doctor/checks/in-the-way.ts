import type { Finding } from '../../wire/reports.js';
import type { Facts, BlockingRule } from '../facts/facts.js';

/** nft rules that keep iptables from printing its own table. */
export function blockingRules({ blockingRules: rules = [] }: Pick<Facts, 'blockingRules'>): Finding[] {
  return rules.map((rule) => ({
    level: 'warning',
    text: `an nft rule in an iptables table keeps iptables-save from printing it (${placeOf(rule)}): ${rule.text}`,
    effect:
      'knockctl reads its own rules there with another program; the effect of foreign rules on its ports is not checked, and saved rules are incomplete',
    fix: fixOf(rule),
  }));
}

function placeOf({ family, table, chain }: BlockingRule): string {
  return `${family === 4 ? 'ip' : 'ip6'} ${table} ${chain}`;
}

function fixOf(rule: BlockingRule): string {
  const { program, handle } = rule;
  const by = program ?? 'the program that made it';
  return `nft delete rule ${placeOf(rule)} handle ${handle}; and have ${by} use a table of its own (nft monitor shows the process that adds it again)`;
}
