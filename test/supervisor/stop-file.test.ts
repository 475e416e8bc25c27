import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import { parseAddress, type Network } from '../../src/base/address.js';
import { parseCommand } from '../../src/config/commands.js';
import { StopFile, type StoredStop } from '../../src/supervisor/stop-file.js';
import { readIfExists } from '../../src/system/files.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { recordingJournal } from '../helpers/recorder.js';
import { TempFolder } from '../helpers/temp.js';

function host(text: string): Network {
  const parsed = parseAddress(text);
  assert.ok(parsed.ok);
  return parsed.value;
}

function stop(address: string, line = 'close %IP%'): StoredStop {
  const due = new Date('2030-01-01T00:00:10Z');
  return { door: 'd', source: host(address), command: parseCommand(line), timeoutMs: 10_000, due };
}

/** A stop file in a folder of its own, with a clock that stands still. */
class Stand implements Disposable {
  readonly #folder = new TempFolder();
  readonly path = this.#folder.file('state/stops.json');
  readonly clock = new FakeClock();
  readonly recording = recordingJournal(this.clock);
  content: readonly StoredStop[] = [];
  readonly file = new StopFile({
    path: this.path,
    clock: this.clock,
    journal: this.recording.journal,
    content: () => this.content,
  });

  makeFolder(): void {
    mkdirSync(this.#folder.file('state'));
  }

  get text(): string | undefined {
    return readIfExists(this.path);
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

function stand(): Stand {
  const made = new Stand();
  made.makeFolder();
  return made;
}

const GOOD = {
  door: 'd',
  address: '192.0.2.7',
  command: 'close %IP%',
  timeout: 10_000,
  due: '2030-01-01T00:00:10.000Z',
};

describe('the file of pending stop commands', () => {
  it('gives back what was written, for its owner alone', async () => {
    using own = stand();
    own.content = [stop('192.0.2.7'), stop('2001:db8::7', 'knockctl flush %IP%'), stop('192.0.2.8', 'echo "ü" \\ $x')];
    await own.file.note();
    assert.deepEqual(own.file.read(), own.content);
    assert.deepEqual(JSON.parse(own.text ?? '')[0], GOOD);
    assert.deepEqual(own.recording.lines, []);
  });

  it('is written at once, then after 50 ms for all that came meanwhile', async () => {
    using own = stand();
    own.content = [stop('192.0.2.1')];
    await own.file.note();
    assert.match(own.text ?? '', /192\.0\.2\.1/);
    const written: number[] = [];
    for (const last of [2, 3, 4]) {
      own.content = [...own.content, stop(`192.0.2.${last}`)];
      void own.file.note().then(() => written.push(last));
    }
    own.clock.advance(49);
    assert.doesNotMatch(own.text ?? '', /192\.0\.2\.2/);
    own.clock.advance(1);
    assert.match(own.text ?? '', /192\.0\.2\.4/);
    await own.file.note.call(own.file, undefined as never).catch(() => undefined);
    assert.deepEqual(written, [2, 3, 4]);
  });
});
