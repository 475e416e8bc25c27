import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Journal } from '../../src/supervisor/journal.js';
import type { Happening } from '../../src/wire/control.js';
import { FakeClock } from '../helpers/fake-clock.js';
import { LineLog, recordingJournal } from '../helpers/recorder.js';

describe('the journal', () => {
  it('logs each event at its level, numbers it, and gives it the wall clock’s time', () => {
    const clock = new FakeClock();
    const log = new LineLog();
    const journal = new Journal(log, clock);
    journal.record('state', 'armed', { before: 'preparing' });
    clock.advance(1000);
    journal.record('listener', 'lost', {}, 'warn');
    journal.note('only a line');
    assert.deepEqual(log.lines, ['info armed', 'warn lost', 'info only a line']);
    assert.deepEqual(
      journal.events.map(({ number, kind, text, fields }) => [number, kind, text, fields]),
      [
        [1, 'state', 'armed', { before: 'preparing' }],
        [2, 'listener', 'lost', {}],
      ],
    );
    assert.equal(journal.events[1]?.time, clock.wall().toISOString());
  });

  it('keeps the newest 1,000, in order', () => {
    const { journal } = recordingJournal(new FakeClock());
    for (let index = 1; index <= 5000; index += 1) journal.record('x', String(index));
    assert.equal(journal.events.length, 1000);
    assert.deepEqual(
      journal.events.map((event) => event.number),
      Array.from({ length: 1000 }, (_, index) => 4001 + index),
    );
  });

  it('shows followers every later event, until they go', () => {
    const { journal } = recordingJournal(new FakeClock());
    const seen: [string, Happening][] = [];
    journal.record('x', 'before');
    const first = journal.follow((event) => seen.push(['first', event]));
    const second = journal.follow((event) => seen.push(['second', event]));
    journal.record('x', 'one');
    first[Symbol.dispose]();
    journal.record('x', 'two');
    second[Symbol.dispose]();
    journal.record('x', 'three');
    assert.deepEqual(
      seen.map(([who, event]) => `${who} ${event.number} ${event.text}`),
      ['first 2 one', 'second 2 one', 'second 3 two'],
    );
  });
});
