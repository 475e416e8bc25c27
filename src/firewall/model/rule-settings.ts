import type { Family } from '../../base/address.js';
import type { Readable } from './readable.js';

/** What holds for the rules of all services. */
export interface RuleSettings {
  readonly families: readonly Family[];
  readonly hook: 'first' | 'last';
  /** The limit of the drop log, or undefined for none. */
  readonly log: string | undefined;
  /** What this kernel has for packets that rules cannot read; where that was not asked, all of it. */
  readonly readable?: ReadonlyMap<Family, Readable> | undefined;
}
