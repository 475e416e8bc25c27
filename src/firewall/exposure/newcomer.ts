/** Whom rules are judged for, and the conditions that need no value. Pure. */
import type { Family } from '../../base/address.js';
import type { Condition } from './box.js';

/** The first packet of a new connection from elsewhere, or a datagram to a port. */
export interface Newcomer {
  readonly family: Family;
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
  /** It is for another host, and passes FORWARD. */
  readonly isForOthers: boolean;
  /** `UNTRACKED` where a rule of raw keeps the kernel from tracking it. */
  readonly state: 'NEW' | 'UNTRACKED';
}

export const ALWAYS: Condition = { kind: 'always' };
export const NEVER: Condition = { kind: 'never' };
/** What some packet of any source fulfils, and another does not. */
export const CHOICE: Condition = { kind: 'doubt', matched: 'choice', unmatched: 'sure', note: undefined };
/** What cannot be judged. Whoever it does not hold for goes on: so much is certain of nearly all that there is. */
export const UNKNOWN: Condition = { kind: 'doubt', matched: 'unknown', unmatched: 'sure', note: undefined };

/** A condition whose answer is known. */
export function known(is: boolean): Condition {
  return is ? ALWAYS : NEVER;
}

/** A condition that holds for few sources, and `negated` for all but few. */
export function few(note: string, negated: boolean): Condition {
  return negated
    ? { kind: 'doubt', matched: 'choice', unmatched: 'few', note: undefined }
    : { kind: 'doubt', matched: 'few', unmatched: 'sure', note };
}
