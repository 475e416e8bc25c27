/** The two back ends of iptables. If both hold rules, a packet traverses both. */
export const BACKENDS = ['nft', 'legacy'] as const;
export type BackendName = (typeof BACKENDS)[number];
