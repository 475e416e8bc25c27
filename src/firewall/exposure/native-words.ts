import type { BaseChain, NftRule } from './nft-chains.js';

/** An nft rule in the report, or the policy of a chain. */
export interface Subject {
  readonly chain: BaseChain;
  readonly rule: NftRule | undefined;
  /** As nft prints it. */
  readonly text: string | undefined;
  readonly ports: readonly number[];
  /** The protocol; undefined for knocks. */
  readonly protocol: 'tcp' | 'udp' | undefined;
}

/** Describes the place: `in table inet mine of nft, the policy of chain input`. */
export function placeOf({ chain, rule, text }: Subject): string {
  const where = `in table ${chain.table} of nft, `;
  if (rule === undefined) return `${where}the policy of chain ${chain.name}`;
  return `${where}the rule with handle ${rule.handle} of chain ${rule.chain}${text === undefined ? '' : ` (${text})`}`;
}

/**
 * Returns the command that fixes it: a rule for just these ports is deleted; a rule for all ports needs an accept
 * before it.
 */
export function fixFor(
  { chain, rule, ports, protocol }: Subject,
  kind: 'open' | 'unknown' | 'refused' | 'knock' | 'exception' | 'note',
  namesPort: boolean,
): string {
  const loaded = 'and in the file that loads it';
  const drops = kind === 'refused' || kind === 'knock';
  if (rule !== undefined && (namesPort || !drops))
    return `nft delete rule ${rule.table} ${rule.chain} handle ${rule.handle}, ${loaded}`;
  const of = protocol ?? 'tcp';
  if (chain.table.endsWith(' firewalld'))
    return `firewall-cmd --permanent ${ports.map((port) => `--add-port=${port}/${of}`).join(' ')}; firewall-cmd --reload`;
  const which = ports.length === 1 ? String(ports[0]) : `'{ ${ports.join(', ')} }'`;
  return `nft insert rule ${chain.table} ${chain.name} ${of} dport ${which} accept, ${loaded}; knockctl still decides which addresses get in`;
}
