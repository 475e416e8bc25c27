import type { Family } from '../../base/address.js';
import type { Readable } from './readable.js';

/** Settings shared by the rules of all services. */
export interface RuleSettings {
  readonly families: readonly Family[];
  readonly hook: 'first' | 'last';
  /** The rate limit of the drop log; undefined: no drop log. */
  readonly log: string | undefined;
  /** Which matches this kernel has for unreadable packets; all of them if it was not probed. */
  readonly readable?: ReadonlyMap<Family, Readable> | undefined;
}
