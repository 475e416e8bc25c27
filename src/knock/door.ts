import type { Network } from '../base/address.js';

export type Protocol = 'tcp' | 'udp';

/** TCP flags by their bit in byte 13 of the TCP header (RFC 9293 section 3.1). */
export const TCP_FLAGS = { fin: 0x01, syn: 0x02, rst: 0x04, psh: 0x08, ack: 0x10, urg: 0x20 } as const;

/** One knock of a sequence. */
export interface Step {
  readonly protocol: Protocol;
  readonly port: number;
}

/** What TCP packets must look like to count: `(flags & mask) === value`. A mask of 0 lets all count. */
export interface FlagFilter {
  readonly mask: number;
  readonly value: number;
}

/** A named knock sequence, as the recognition knows it: what it triggers is not its business. */
export interface Door {
  /** Unique number: names may repeat in knockd.conf, and doors of one name are independent. */
  readonly id: number;
  readonly name: string;
  /** 1 to 32 steps. */
  readonly sequence: readonly Step[];
  /** From the first packet to the last, in milliseconds; 0 or less: only doors of one step open. */
  readonly windowMs: number;
  readonly flags: FlagFilter;
  /** The only destination whose packets count; undefined: the host's own addresses. */
  readonly target: Network | undefined;
  /** After it has opened for a source, the door ignores first packets of that source for so many milliseconds. Undefined: not at all. */
  readonly cooldownMs?: number;
}

/**
 * Where packets that begin a connection are looked at like knocks, whatever their port: nobody is to find out by the time which are
 * a door's. `ports`: those of doors that count nothing else. Below 1024 are most services, and hardly a door.
 */
export function coveredPorts(ports: readonly number[]): { readonly first: number; readonly last: number } {
  return { first: Math.min(...ports) < 1_024 ? 1 : 1_024, last: 65_535 };
}

/** True where only packets count that begin a connection, or answer one: there are few of them. */
export function countsBeginnings({ value }: FlagFilter): boolean {
  return (value & TCP_FLAGS.syn) !== 0;
}

/** knockd's limit on the ports of a door (knockd.conf(5)). */
export const MAX_STEPS = 32;
