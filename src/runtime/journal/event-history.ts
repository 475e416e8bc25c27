import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { errorText } from '../../base/errors.js';
import { WarnOnce } from '../../base/warn-once.js';
import { readStrict, UntrustedFile } from '../../system/strict-file.js';
import { LogFile } from '../../system/log-file.js';
import type { EventRecord } from '../../wire/control.js';
import { historyLine, isByStrangers, knocksFile, readHistories } from '../../wire/history.js';

/** Two files of this size hold more than the events that are shown. */
const MAX_BYTES = 512 * 1024;

/** Events as they outlive us: appended to files of bounded size, each with one before it. Nothing that fails here stops anything. */
export class EventHistory {
  readonly #path: string;
  readonly #fault: (text: string) => void;
  readonly #files = new Map<string, LogFile>();
  /** The line being written was lost. */
  #lost = false;
  readonly #once = new WarnOnce();

  /** `fault`: told once when events cannot be kept, until they can be again. */
  constructor(path: string, fault: (text: string) => void) {
    this.#path = path;
    this.#fault = fault;
  }

  /** What earlier lives left, oldest first. */
  read(): EventRecord[] {
    try {
      return readHistories(this.#path, readTrusted);
    } catch (error) {
      this.#fails(`the events in ${this.#path} cannot be read: ${errorText(error)}`);
      return [];
    }
  }

  append(event: EventRecord): void {
    const path = isByStrangers(event) ? knocksFile(this.#path) : this.#path;
    const file = this.#files.get(path) ?? this.#open(path);
    this.#files.set(path, file);
    file.write(historyLine(event), () => {
      if (!this.#lost) this.#once.ends('not kept');
      this.#lost = false;
    });
  }

  /** Writes what waits to be written. */
  async close(): Promise<void> {
    const files = [...this.#files.values()];
    await Promise.all(files.map(async (file) => new Promise<void>((resolve) => file.end(resolve))));
  }

  #open(path: string): LogFile {
    const file = new LogFile(path, MAX_BYTES, (error) => {
      this.#lost = true;
      this.#fails(`events cannot be kept in ${path}: ${errorText(error)}; the log has them`);
    });
    if (isCutOff(path)) file.write('\n'); // else the first line would be lost with the one that was cut off
    return file;
  }

  #fails(text: string): void {
    if (this.#once.begins('not kept')) this.#fault(text);
  }
}

function readTrusted(path: string): string {
  try {
    return readStrict(path) ?? '';
  } catch (error) {
    if (error instanceof UntrustedFile) return '';
    throw error;
  }
}

/** True where a file does not end with a line feed: a crash has cut its last line off. */
function isCutOff(path: string): boolean {
  try {
    const descriptor = openSync(path, 'r');
    try {
      const { size } = fstatSync(descriptor);
      const last = Buffer.alloc(1);
      return size > 0 && readSync(descriptor, last, 0, 1, size - 1) === 1 && last.toString() !== '\n';
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false; // there is none yet; whatever else it is shows at the first line
  }
}
