/** The two ways into netfilter that iptables knows. Rules in both are both traversed. */
export const BACKENDS = ['nft', 'legacy'] as const;
export type BackendName = (typeof BACKENDS)[number];
