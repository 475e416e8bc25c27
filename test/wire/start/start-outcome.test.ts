import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { EXIT } from '../../../src/base/errors.js';
import { readStartOutcome, type StartOutcome } from '../../../src/wire/start/start-outcome.js';
import { wrongDocuments } from '../wrong-documents.js';

const OUTCOME: StartOutcome = {
  exitCode: EXIT.firewall,
  text: 'armed',
  hint: 'hint',
  notes: ['note'],
  until: '2026-01-02T03:04:05.000Z',
  keepsRunning: true,
  another: true,
};

describe('the outcome of a start', () => {
  it('reads back as it was told', () => {
    assert.deepEqual(readStartOutcome(`${JSON.stringify(OUTCOME)}\n`), OUTCOME);
    const least = { exitCode: EXIT.ok, text: 'armed', keepsRunning: true };
    assert.deepEqual(readStartOutcome(JSON.stringify(least)), least);
  });

  it('is none where the text is cut off, or any one field is wrong', () => {
    const text = JSON.stringify(OUTCOME);
    for (let length = 0; length < text.length; length += 1)
      assert.equal(readStartOutcome(text.slice(0, length)), undefined);
    for (const { where, document } of wrongDocuments(OUTCOME, {
      absent: ['hint', 'notes', 'until', 'another'],
    }))
      assert.equal(readStartOutcome(JSON.stringify(document)), undefined, where);
    for (const exitCode of [3, 1.5, '0'])
      assert.equal(readStartOutcome(JSON.stringify({ ...OUTCOME, exitCode })), undefined, String(exitCode));
  });
});
