import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import fc from 'fast-check';

import type { EventRecord } from '../../src/wire/control.js';
import { EVENTS_KEPT, historyLine, isByStrangers, readHistory } from '../../src/wire/history.js';

const event = (number: number, text = 'x'): EventRecord => ({
  number,
  time: '2030-01-01T00:00:00.000Z',
  kind: 'state',
  text,
  fields: { a: 1 },
});
const numbers = (texts: readonly string[]): number[] => readHistory(texts).map(({ number }) => number);

describe('the history of events', () => {
  it('is read as it was written, over both files, the newest of them', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 20 }), (texts) => {
        const events = texts.map((text, index) => event(index + 1, text));
        const lines = events.map(historyLine);
        assert.deepEqual(readHistory([lines.slice(0, 5).join(''), lines.slice(5).join('')]), events);
      }),
    );
    const many = Array.from({ length: 3_000 }, (_, index) => historyLine(event(index + 1))).join('');
    assert.equal(numbers([many]).length, EVENTS_KEPT);
    assert.equal(numbers([many]).at(-1), 3_000);
  });

  it('passes over what is damaged: cut off, of another shape, with a number that cannot be', () => {
    const good = historyLine(event(2));
    for (const bad of [
      '{"number":1,"time":"2030-01-01T00:',
      '',
      'null',
      '[]',
      '{}',
      JSON.stringify({ ...event(1), more: 1 }),
      JSON.stringify({ ...event(1), number: -1 }),
      JSON.stringify({ ...event(1), number: '1' }),
      JSON.stringify({ ...event(1), time: 'yesterday' }),
      JSON.stringify({ ...event(1), text: 5 }),
      JSON.stringify({ ...event(1), fields: [] }),
    ]) {
      assert.deepEqual(numbers([`${bad}\n${good}`]), [2], bad);
    }
    const lines = [1, 2, 9_000_000, 2, 3].map((number) => historyLine(event(number))).join('');
    assert.deepEqual(numbers([lines]), [1, 2, 3]);
  });

  it('has gaps where events of strangers were between', () => {
    const lines = [1, 2, 50_000, 50_001].map((number) => historyLine(event(number))).join('');
    assert.deepEqual(numbers([lines]), [1, 2, 50_000, 50_001]);
    const byStrangers = [
      { kind: 'knock', fields: {} },
      { kind: 'command', fields: { count: 3 } },
      { kind: 'door', fields: { door: 'd' } },
      { kind: 'drop', fields: { by: 'door decoy' } },
    ];
    assert.ok(byStrangers.every(isByStrangers));
    const others = [
      { kind: 'state', fields: {} },
      { kind: 'drop', fields: { by: 'cli' } },
      { kind: 'repair', fields: {} },
    ];
    assert.ok(!others.some(isByStrangers));
  });

  it('stands any text', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.json())), (lines) => {
        const read = readHistory([lines.join('\n')]);
        assert.ok(read.every(({ number }) => Number.isSafeInteger(number)));
      }),
    );
  });
});
