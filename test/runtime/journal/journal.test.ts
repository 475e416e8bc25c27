import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { Journal } from '../../../src/runtime/journal/journal.js';
import type { EventRecord } from '../../../src/wire/control.js';
import { FakeClock } from '../../helpers/fake-clock.js';
import { LineLog, recordingJournal } from '../../helpers/recorder.js';

describe('the journal', () => {
  it('logs each event at its level, numbers it, and gives it the wall clock’s time', () => {
    const clock = new FakeClock();
    const log = new LineLog();
    const journal = new Journal(log, clock);
    journal.record('state', 'armed', { before: 'preparing' });
    clock.advance(1000);
    journal.record('listener', 'lost', {}, 'warn');
    journal.line('only a line');
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

  it('keeps what strangers cause apart, and of a flood of it the first lines and a number', () => {
    const clock = new FakeClock();
    const { journal, lines } = recordingJournal(clock);
    journal.record('state', 'armed');
    journal.record('accept', '192.0.2.1 accepted', { by: 'cli' });
    for (let index = 0; index < 50_000; index += 1) {
      const fields = { door: 'd', address: '192.0.2.7' };
      journal.record('knock', 'OPEN SESAME', fields);
      journal.record('drop', 'banned', { by: 'door d' });
      journal.line('Stage 1', fields);
      clock.advance(1);
    }
    // Red with one ring: both were gone. Red without the budget: 150,000 lines.
    const texts = journal.events.map(({ text }) => text);
    assert.deepEqual(texts.slice(0, 2), ['armed', '192.0.2.1 accepted']);
    assert.ok(journal.events.length <= 1_002);
    assert.ok(lines.length < 2_000 + 50 * 20 + 10, `${lines.length} lines`);
    journal.tellUntold();
    const told = lines.flatMap((line) => /(\d+) lines about knocks are left out/.exec(line)?.[1] ?? []);
    const sum = told.reduce((all, count) => all + Number(count), 0);
    const summaries = lines.filter((line) => line.includes('left out')).length;
    assert.equal(sum + lines.length - 2 - summaries, 150_000, 'each is told or counted');
    const numbers = journal.events.map(({ number }) => number);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
    assert.equal(clock.timers, 0);
  });

  it('shows followers every later event, until they go', () => {
    const { journal } = recordingJournal(new FakeClock());
    const seen: [string, EventRecord][] = [];
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
