import { setTimeout as sleep } from 'node:timers/promises';

import { errorText, EXIT } from '../base/errors.js';
import type { ServiceManager } from '../system/service-manager.js';
import type { Journal } from '../runtime/journal/journal.js';
import type { Supervisor } from './lifecycle/supervisor.js';

/** Who signals a whole control group goes on for a moment, and would hit what we start to put things in order. */
const WAVE_MS = 100;

/** The one way out, whoever asks for it: a request, or a signal. */
export class Shutdown {
  readonly #supervisor: Supervisor;
  readonly #journal: Journal;
  readonly #manager: ServiceManager;
  #stopping: Promise<string[]> | undefined;
  #end: (code: number) => void = () => undefined;
  /** The exit code, once the service has ended. */
  readonly code = new Promise<number>((resolve) => {
    this.#end = resolve;
  });

  constructor(supervisor: Supervisor, journal: Journal, manager: ServiceManager) {
    this.#supervisor = supervisor;
    this.#journal = journal;
    this.#manager = manager;
  }

  get begun(): boolean {
    return this.#stopping !== undefined;
  }

  readonly byRequest = async (keep: boolean): Promise<string[]> => {
    const left = await this.#stop('asked to stop', keep);
    setImmediate(() => {
      this.#end(EXIT.ok); // after the reply has been written
    });
    return left;
  };

  /** A start on trial that was not confirmed: rejects where something could not be taken out. */
  readonly byTrial = async (): Promise<void> => {
    await this.#stop('the start was on trial and was not confirmed', false);
    setImmediate(() => {
      this.#end(EXIT.ok); // after it has been told
    });
  };

  /** Another supervisor has the rules and their files: we go, and touch neither. */
  readonly asTaken = (): void => {
    if (this.#stopping !== undefined) return;
    const text = 'another supervisor runs since the run folder was deleted: this one ends, the rules stay';
    this.#journal.record('state', text, {}, 'error');
    this.#stopping = Promise.resolve([]);
    this.#supervisor.detach(text);
    this.#end(EXIT.ok);
  };

  readonly bySignal = (name: NodeJS.Signals): void => {
    void this.#endBySignal(name);
  };

  /** What is ended only to be started again leaves its rules in force. */
  async #endBySignal(name: NodeJS.Signals): Promise<void> {
    try {
      this.#supervisor.stopListener(); // systemd ends what is bound to our unit at the same time
      await sleep(WAVE_MS);
      const isRestarting = await this.#manager.isRestarting();
      await this.#stop(isRestarting ? `${name}, to be started again` : name, isRestarting);
      this.#end(EXIT.ok);
    } catch (error) {
      this.#journal.record('state', `could not stop cleanly: ${errorText(error)}`, {}, 'error');
      this.#end(EXIT.firewall);
    }
  }

  async #stop(reason: string, keep: boolean): Promise<string[]> {
    if (this.#stopping === undefined) {
      this.#journal.line('shutting down');
      this.#manager.stopping();
    }
    this.#stopping ??= this.#supervisor.stop(reason, keep);
    try {
      return await this.#stopping;
    } catch (error) {
      this.#stopping = undefined; // what stood in the way (a lock) may be gone when it is asked for again
      throw error;
    }
  }
}
