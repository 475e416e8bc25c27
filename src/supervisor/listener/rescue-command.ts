import type { Journal } from '../../runtime/journal/journal.js';
import type { Shell } from '../../runtime/doors/shell.js';

/** The administrator's own last word (rescue_command): run once each time that the listener is given up. */
export class RescueCommand {
  readonly #shell: Shell;
  readonly #journal: Pick<Journal, 'record'>;
  #done = false;

  constructor(shell: Shell, journal: Pick<Journal, 'record'>) {
    this.#shell = shell;
    this.#journal = journal;
  }

  /** The service is armed: the next time is another time. */
  reset(): void {
    this.#done = false;
  }

  async run(command: string | undefined): Promise<void> {
    if (command === undefined || this.#done) return;
    this.#done = true;
    this.#journal.record('rescue', `running rescue_command: ${command}`, {}, 'warn');
    const result = await this.#shell.run(command, 'rescue');
    const failure = 'failed' in result ? result.failed : 'was dropped';
    const how = 'status' in result ? `ended with status ${result.status}` : failure;
    this.#journal.record('rescue', `rescue_command ${how}`);
  }
}
