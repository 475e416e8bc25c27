import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { localTime, timeOfDay } from '../../src/system/local-time.js';

describe('times as people read them', () => {
  it('are those of this machine’s zone, whatever its language', () => {
    const time = new Date(2026, 0, 2, 3, 4, 5);
    assert.equal(localTime(time.toISOString()), '2026-01-02 03:04:05');
    assert.equal(timeOfDay(time), '03:04:05');
    assert.equal(localTime(new Date(2026, 11, 22, 14, 30, 20).toISOString()), '2026-12-22 14:30:20');
  });

  it('leave alone what is no time', () => {
    assert.equal(localTime('never'), 'never');
  });
});
