import type { BaseChain, NftRule } from './nft-chains.js';

/** A rule of nft that is told of, or the policy of a chain. */
export interface Subject {
  readonly chain: BaseChain;
  readonly rule: NftRule | undefined;
  /** As nft prints it. */
  readonly text: string | undefined;
  readonly ports: readonly number[];
  /** Undefined for knocks. */
  readonly protocol: 'tcp' | 'udp' | undefined;
}

/** `in table inet mine of nft, the policy of chain input`. */
export function placeOf({ chain, rule, text }: Subject): string {
  const where = `in table ${chain.table} of nft, `;
  if (rule === undefined) return `${where}the policy of chain ${chain.name}`;
  return `${where}the rule with handle ${rule.handle} of chain ${rule.chain}${text === undefined ? '' : ` (${text})`}`;
}

/** The command that fixes it: what is meant for these ports goes, in front of what is meant for all there has to be an accept. */
export function fixed(
  { chain, rule, ports, protocol }: Subject,
  kind: 'open' | 'unknown' | 'refused' | 'knock' | 'exception' | 'note',
  namesPort: boolean,
): string {
  const loaded = 'and where it is loaded from';
  const drops = kind === 'refused' || kind === 'knock';
  if (rule !== undefined && (namesPort || !drops))
    return `nft delete rule ${rule.table} ${rule.chain} handle ${rule.handle}, ${loaded}`;
  const of = protocol ?? 'tcp';
  if (chain.table.endsWith(' firewalld'))
    return `firewall-cmd --permanent ${ports.map((port) => `--add-port=${port}/${of}`).join(' ')}; firewall-cmd --reload`;
  const which = ports.length === 1 ? String(ports[0]) : `'{ ${ports.join(', ')} }'`;
  return `nft insert rule ${chain.table} ${chain.name} ${of} dport ${which} accept, ${loaded}; who gets in is still for knockctl to say`;
}
