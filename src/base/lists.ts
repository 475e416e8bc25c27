/** The lists of a service, in the order in which a packet meets them (interface.md, "Chains and sets"). */
export const LISTS = ['banned', 'trusted', 'filter'] as const;
export type ListName = (typeof LISTS)[number];
