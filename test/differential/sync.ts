import { happensWithin } from '../helpers/wait.js';
import type { Sender } from './sender.js';

/** Ends each configuration: a knock at this door that a daemon has logged says that it has seen all before it. */
export const SYNC_DOOR = '[sync]\nsequence = 65000:udp\n';
const PORT = 65_000;
/** A packet that a busy machine lost, in the capture of one daemon, is sent again after so long. */
const AGAIN_MS = 5_000;
const TRIES = 30;

/** True of the sources that are no part of a comparison. */
export function isSyncSource(source: string): boolean {
  return source.startsWith('203.0.');
}

/** Knocks at the door of the configuration that tell when everything before them has been seen. */
export class Sync {
  readonly #sender: Sender;
  #sent = 0;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** Waits until each log has a knock that was sent now; gives false where one never has. */
  async settle(logs: readonly (() => readonly string[])[]): Promise<boolean> {
    const lines = new Set<string>();
    // A daemon has seen what was sent before once it tells of any of them: each has a source of its own.
    const areSeen = (): boolean => logs.every((log) => log().some((line) => lines.has(line)));
    for (let tries = 0; tries < TRIES; tries += 1) {
      this.#sent += 1;
      const source = `203.0.${this.#sent >> 8}.${this.#sent & 255}`;
      lines.add(`${source}: sync: OPEN SESAME`);
      await this.#sender.send([{ source, protocol: 'udp', destinationPort: PORT }]);
      if (await happensWithin(areSeen, AGAIN_MS)) return true;
    }
    return false;
  }
}
