import { errorText } from '../base/errors.js';
import { WarnOnce } from '../base/warn-once.js';
import type { Clock, Timer } from '../system/clock.js';
import type { ControlServer } from './control/control-server.js';
import type { Journal } from '../runtime/journal/journal.js';
import type { InstanceLock } from '../runtime/instance-lock.js';

/** How often we look whether commands can find us. */
const LOOK_MS = 5_000;

interface FindableParts {
  readonly clock: Clock;
  readonly journal: Pick<Journal, 'record'>;
  readonly presence: Pick<InstanceLock, 'check'>;
  readonly server: Pick<ControlServer, 'reopen'>;
  /** Another supervisor has our place. */
  readonly taken: () => void;
}

/** Sees to it that commands go on finding us, whoever deletes our run folder or socket; and that there is only one of us. */
export class RunDirMonitor {
  readonly #parts: FindableParts;
  #timer: Timer | undefined;
  #looking = false;
  readonly #once = new WarnOnce();

  constructor(parts: FindableParts) {
    this.#parts = parts;
  }

  begin(): void {
    this.#timer = this.#parts.clock.every(LOOK_MS, () => void this.look());
  }

  async look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const { journal } = this.#parts;
    try {
      await this.#fix();
      this.#once.ends('unreachable');
    } catch (error) {
      const problem = `commands cannot reach us: ${errorText(error)}`;
      if (this.#once.begins('unreachable', problem)) journal.record('state', problem, {}, 'error');
    } finally {
      this.#looking = false;
    }
  }

  async #fix(): Promise<void> {
    const { journal, presence, server, taken } = this.#parts;
    const found = presence.check();
    if (found === 'taken') {
      this[Symbol.dispose]();
      taken();
      return;
    }
    const reopened = await server.reopen();
    if (found === 'here' && !reopened) return;
    const what = found === 'restored' ? 'run folder, or a file of ours in it,' : 'control socket';
    journal.record('state', `the ${what} was deleted while we ran: made anew`, {}, 'warn');
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }
}
