import type { Network } from '../../base/address.js';
import type { Entry } from './set-specs.js';

/** The saved entries of a set. */
export interface RestoredEntries {
  readonly count: number;
  /** The entries with the time that each has left now: call it just before they are written. */
  entries(): readonly Entry[];
}

/** A change that is about to be made to a set. */
export type SetChange =
  | { readonly kind: 'add'; readonly entries: readonly Entry[] }
  | { readonly kind: 'remove'; readonly networks: readonly Network[] }
  /** Removes all entries. */
  | { readonly kind: 'empty' };

/**
 * The interface to whatever saves the sets' entries beyond a reboot; the sets restore from it and report changes to it.
 */
export interface PersistencePort {
  /** Returns the entries that a newly made set must hold from the start. */
  restore(set: string): Promise<RestoredEntries>;
  /** The kernel refused the restored entries. */
  restoreFailed(sets: readonly string[], error: unknown): void;
  /** Makes a change: it is reported before it happens, and the port's own changes do not interleave. */
  change(set: string, change: SetChange, act: () => Promise<void>): Promise<void>;
}

export const NOTHING: RestoredEntries = { count: 0, entries: () => [] };

/** For sets that are not saved. */
export const NO_PERSISTENCE: PersistencePort = {
  restore: async () => Promise.resolve(NOTHING),
  restoreFailed: () => undefined,
  change: async (_set, _change, act) => act(),
};
