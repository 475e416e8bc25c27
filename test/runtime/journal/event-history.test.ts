import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, readFileSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';

import { EventHistory } from '../../../src/runtime/journal/event-history.js';
import { Journal } from '../../../src/runtime/journal/journal.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { LineLog } from '../../helpers/recorder.js';
import { TempFolder } from '../../helpers/temp.js';

interface Life {
  readonly journal: Journal;
  readonly faults: readonly string[];
  readonly end: () => Promise<void>;
}

function life(path: string): Life {
  const faults: string[] = [];
  const history = new EventHistory(path, (text) => faults.push(text));
  const end = async (): Promise<void> => history.close();
  return { journal: new Journal(new LineLog(), new FakeClock(), { history }), faults, end };
}

describe('the history on disk', () => {
  it('goes on from one life to the next, numbers and all, in a file for its owner', async () => {
    using folder = new TempFolder();
    const path = folder.file('events.jsonl');
    for (const text of ['one', 'two', 'three']) {
      const { journal, end, faults } = life(path);
      journal.record('x', text);
      journal.record('x', `${text} again`);
      await end();
      assert.deepEqual(faults, []);
    }
    const { journal } = life(path);
    assert.deepEqual(
      journal.events.map(({ number, text }) => `${number} ${text}`),
      ['1 one', '2 one again', '3 two', '4 two again', '5 three', '6 three again'],
    );
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('a line that a crash cut off costs nothing but itself', async () => {
    using folder = new TempFolder();
    const path = folder.file('events.jsonl');
    const first = life(path);
    first.journal.record('x', 'one');
    await first.end();
    appendFileSync(path, '{"number":2,"ti');
    const second = life(path);
    second.journal.record('x', 'two');
    await second.end();
    assert.deepEqual(
      life(path).journal.events.map(({ number, text }) => [number, text]),
      [
        [1, 'one'],
        [2, 'two'],
      ],
    );
  });

  it('is bounded: two files, and more in them than is shown', async () => {
    using folder = new TempFolder();
    const path = folder.file('events.jsonl');
    const { journal, end } = life(path);
    for (let index = 1; index <= 20_000; index += 1) journal.record('x', `event ${index}`);
    await end();
    const sizes = [path, `${path}.1`].map((name) => statSync(name).size);
    assert.ok(Math.max(...sizes) <= 512 * 1024, String(sizes));
    const { events } = life(path).journal;
    assert.deepEqual([events.length, events[0]?.number, events.at(-1)?.number], [1_000, 19_001, 20_000]);
  });

  it('a file that others can write to is not believed; one that cannot be written is told once', async () => {
    using folder = new TempFolder();
    const path = folder.file('events.jsonl');
    const first = life(path);
    first.journal.record('x', 'one');
    await first.end();
    chmodSync(path, 0o666);
    assert.deepEqual(life(path).journal.events, []);
    const lost = life(folder.file('nowhere/events.jsonl'));
    for (const text of ['one', 'two', 'three']) lost.journal.record('x', text);
    await lost.end();
    assert.equal(lost.faults.length, 1);
    assert.match(lost.faults[0] ?? '', /^events cannot be kept in .*no such file.*; the log has them$/);
    assert.equal(lost.journal.events.length, 3);
    assert.match(readFileSync(path, 'utf8'), /one/);
  });
});
