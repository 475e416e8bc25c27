/** The largest timeout of a set entry, in seconds (24.8 days): the kernel refuses 2,147,484 (measured, ipset 7.17). */
export const MAX_TIMEOUT_S = 2_147_483;
