import type { Network } from '../../base/address.js';
import type { Entry } from './set-specs.js';

/** What is recalled of a set. */
export interface RestoredEntries {
  readonly count: number;
  /** The entries with the time that each has left at this moment: to be asked when they are on their way. */
  entries(): readonly Entry[];
}

/** What is about to be done with a set. */
export type SetChange =
  | { readonly kind: 'add'; readonly entries: readonly Entry[] }
  | { readonly kind: 'remove'; readonly networks: readonly Network[] }
  /** All goes out. */
  | { readonly kind: 'empty' };

/** Whoever keeps what the sets hold beyond the life of the kernel; the sets ask it and tell it. */
export interface PersistencePort {
  /** What a set that has to be made anew is to hold from its first moment. */
  restore(set: string): Promise<RestoredEntries>;
  /** The kernel did not take what was recalled. */
  restoreFailed(sets: readonly string[], error: unknown): void;
  /** Carries a change out: told before it happens, and nothing of the memory's own comes between. */
  change(set: string, change: SetChange, act: () => Promise<void>): Promise<void>;
}

export const NOTHING: RestoredEntries = { count: 0, entries: () => [] };

/** For sets that nobody keeps. */
export const NO_PERSISTENCE: PersistencePort = {
  restore: async () => Promise.resolve(NOTHING),
  restoreFailed: () => undefined,
  change: async (_set, _change, act) => act(),
};
