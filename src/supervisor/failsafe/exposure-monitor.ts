import { FAMILIES } from '../../base/address.js';
import { errorText } from '../../base/errors.js';
import { hasLegacyTables } from '../../firewall/rules/backend.js';
import type { Firewall } from '../../firewall/firewall.js';
import { ExposureLog, NOT_PROTECTED } from './exposure-log.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { repairs } from './state-machine.js';
import type { StateInfo } from './controller.js';

export interface ExposureMonitorParts {
  readonly journal: Pick<Journal, 'record'>;
  readonly firewall: () => Firewall;
  readonly state: () => StateInfo;
  /** Stays the same for as long as nobody has changed a table of nft; undefined where that is not certain. */
  readonly rulesetRevision: () => string | undefined;
  /** Told how we are, in words, where what is open has changed. */
  readonly onChange: (text: string) => void;
}

/** Looks at what stands between our jumps and the world, and tells of it where it has changed. */
export class ExposureMonitor {
  readonly #parts: ExposureMonitorParts;
  readonly #watch: ExposureLog;
  /** The last look at other tables, and who can tell that they have not changed since. */
  #seen: { readonly firewall: Firewall; readonly witness: string | undefined } | undefined;
  /** Why the last look that failed did: told once. */
  #problem: string | undefined;

  constructor(parts: ExposureMonitorParts) {
    this.#parts = parts;
    this.#watch = new ExposureLog(parts.journal);
  }

  /** The state and its reason, and whether a port is open that is said to be shut: for `systemctl status`. */
  get stateText(): string {
    const [open] = this.#watch.open;
    const { state, reason } = this.#parts.state();
    return open === undefined ? `${state}: ${reason}` : `${state}, ${NOT_PROTECTED}: ${open.text}`;
  }

  /** By the rules as they were last read. */
  check(): void {
    const { firewall, state, onChange: tell } = this.#parts;
    if (repairs(state().state) && this.#watch.update(firewall().exposures)) tell(this.stateText);
  }

  /**
   * The same, with tables besides filter and the other back end, where they may have changed; `anew`: whether or not, since a
   * change of this moment may not have come by the monitor yet. Never rejects: what cannot be read is told as unknown, and what else
   * goes wrong is logged.
   */
  async checkOtherTables(anew = false): Promise<void> {
    const firewall = this.#parts.firewall();
    const isLegacy = FAMILIES.some(hasLegacyTables);
    const witness = isLegacy ? undefined : this.#parts.rulesetRevision();
    const isKnown = this.#seen?.firewall === firewall && this.#seen.witness === witness;
    if (anew || witness === undefined || !isKnown) {
      try {
        await firewall.checkOtherTables();
        this.#seen = { firewall, witness };
      } catch (error) {
        this.#seen = undefined;
        const text = `cannot look at other tables than filter: ${errorText(error)}`;
        if (text !== this.#problem) this.#parts.journal.record('exposure', text, {}, 'warn');
        this.#problem = text;
      }
    }
    this.check();
  }
}
