/** The packet that rules are judged for, and constant conditions. Pure. */
import type { Family } from '../../base/address.js';
import type { Condition } from './box.js';

/** The first packet of a new connection from elsewhere, or a datagram to a port. */
export interface NewConnection {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** True if it is for another host, and passes FORWARD. */
  readonly isForOthers: boolean;
  /** `UNTRACKED` if a rule of raw disables tracking. */
  readonly state: 'NEW' | 'UNTRACKED';
}

export const ALWAYS: Condition = { kind: 'always' };
export const NEVER: Condition = { kind: 'never' };
/** Holds for some packets of any source, but not for all. */
export const CHOICE: Condition = { kind: 'doubt', matched: 'choice', unmatched: 'sure', note: undefined };
/** Cannot be judged. Packets that do not match certainly continue. */
export const UNKNOWN: Condition = { kind: 'doubt', matched: 'unknown', unmatched: 'sure', note: undefined };

/** Returns a condition with a known answer. */
export function known(is: boolean): Condition {
  return is ? ALWAYS : NEVER;
}

/** Returns a condition that holds for few sources; with `negated`, for all but few. */
export function few(note: string, negated: boolean): Condition {
  return negated
    ? { kind: 'doubt', matched: 'choice', unmatched: 'few', note: undefined }
    : { kind: 'doubt', matched: 'few', unmatched: 'sure', note };
}
