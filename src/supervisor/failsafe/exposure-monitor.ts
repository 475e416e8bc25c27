import { FAMILIES } from '../../base/address.js';
import type { ActiveGeneration } from '../../runtime/generation/active-generation.js';
import type { RulesetRevision } from './reconciler.js';
import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import { hasLegacyTables } from '../../firewall/rules/backend.js';
import type { Firewall } from '../../firewall/firewall.js';
import { ExposureLog, NOT_PROTECTED } from './exposure-log.js';
import type { Journal } from '../../runtime/journal/journal.js';
import { repairs } from './state-machine.js';
import type { StateInfo } from './controller.js';

interface ExposureMonitorParts {
  readonly journal: Pick<Journal, 'record'>;
  readonly active: Pick<ActiveGeneration, 'current'>;
  readonly state: () => StateInfo;
  readonly ruleset: RulesetRevision;
  /** Told how we are, in words, where what is open has changed. */
  readonly onChange: (text: string) => void;
}

/** Looks at what stands between our jumps and the world, and tells of it where it has changed. */
export class ExposureMonitor {
  readonly #parts: ExposureMonitorParts;
  readonly #log: ExposureLog;
  /** The last look at other tables, and who can tell that they have not changed since. */
  #seen: { readonly firewall: Firewall; readonly revision: string | undefined } | undefined;
  readonly #once = new WarnOnce();

  constructor(parts: ExposureMonitorParts) {
    this.#parts = parts;
    this.#log = new ExposureLog(parts.journal);
  }

  /** The state and its reason, and whether a port is open that is said to be shut: for `systemctl status`. */
  get stateText(): string {
    const [open] = this.#log.open;
    const { state, reason } = this.#parts.state();
    return open === undefined ? `${state}: ${reason}` : `${state}, ${NOT_PROTECTED}: ${open.text}`;
  }

  /** By the rules as they were last read. */
  check(): void {
    const { active, state, onChange } = this.#parts;
    if (repairs(state().state) && this.#log.update(active.current.firewall.exposures))
      onChange(this.stateText);
  }

  /**
   * The same, with tables besides filter and the other back end, where they may have changed; `anew`: whether or not, since a
   * change of this moment may not have come by the monitor yet. Never rejects: what cannot be read is told as unknown, and what else
   * goes wrong is logged.
   */
  async checkOtherTables(anew = false): Promise<void> {
    const firewall = this.#parts.active.current.firewall;
    const isLegacy = FAMILIES.some(hasLegacyTables);
    const revision = isLegacy ? undefined : this.#parts.ruleset.revision();
    const isKnown = this.#seen?.firewall === firewall && this.#seen.revision === revision;
    if (anew || revision === undefined || !isKnown) {
      try {
        await firewall.checkOtherTables();
        this.#seen = { firewall, revision };
        this.#once.ends('other tables');
      } catch (error) {
        this.#seen = undefined;
        const text = `cannot look at other tables than filter: ${errorText(error)}`;
        if (this.#once.begins('other tables', text)) this.#parts.journal.record('exposure', text, {}, 'warn');
      }
    }
    this.check();
  }
}
