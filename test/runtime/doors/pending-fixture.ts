import assert from 'node:assert/strict';

import { parseAddress } from '../../../src/base/address.js';
import { parseCommand } from '../../../src/config/knockd/commands.js';
import { PendingStops, type NotedStop, type Stop } from '../../../src/runtime/doors/pending-stops.js';
import { parseStops } from '../../../src/runtime/doors/pending-stops-file.js';
import { readIfExists } from '../../../src/system/files.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { recordingJournal } from '../../helpers/recorder.js';
import { TempFolder } from '../../helpers/temp.js';

export function stop(address: string, timeoutMs = 10_000, door = 'd'): Stop {
  const source = parseAddress(address);
  assert.ok(source.ok);
  return { door, source: source.value, command: parseCommand('close %IP%'), timeoutMs };
}

/** Lives of the product, one after the other, in one folder. */
export class Stand implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file('stops.json');
  readonly clock = new FakeClock();
  readonly recording = recordingJournal(this.clock);
  /** What was run, and at what time. */
  readonly ran: string[] = [];
  readonly startMs = this.clock.nowMs();
  /** Resolves the stop commands that are running. */
  finish: (() => void)[] = [];
  slow = false;
  /** False: no stop command can be begun. */
  can = true;

  life(): PendingStops {
    return new PendingStops({
      path: this.path,
      clock: this.clock,
      journal: this.recording.journal,
      run: async ({ source }) => {
        this.ran.push(`${source.text} at ${this.clock.nowMs() - this.startMs}`);
        if (this.slow) await new Promise<void>((resolve) => this.finish.push(resolve));
        return this.can;
      },
    });
  }

  get stored(): readonly unknown[] {
    return parseStops(readIfExists(this.path) ?? '').stops;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

export function added(stops: PendingStops, one: Stop): NotedStop {
  const noted = stops.add(one);
  assert.ok(noted !== undefined);
  return noted;
}

/** Lets what was resolved go on. */
export const settled = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
