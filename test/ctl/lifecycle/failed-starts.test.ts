import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';

import {
  forgetFailedStarts,
  isDue,
  MAX_FAILED_STARTS,
  noteFailedStart,
  readFailedStarts,
  SLOW_TRIES_MS,
} from '../../../src/ctl/lifecycle/failed-starts.js';
import { TempFolder } from '../../helpers/temp.js';

describe('starts that fail', () => {
  it('are counted until one succeeds; a damaged note counts for nothing', () => {
    using folder = new TempFolder();
    assert.equal(readFailedStarts(folder.file('failed-starts.json')).count, 0);
    noteFailedStart(folder.file('failed-starts.json'), 5, false);
    assert.deepEqual(noteFailedStart(folder.file('failed-starts.json'), 9, true), {
      count: 2,
      lastMs: 9,
      byConfiguration: true,
    });
    assert.deepEqual(readFailedStarts(folder.file('failed-starts.json')), {
      count: 2,
      lastMs: 9,
      byConfiguration: true,
    });
    forgetFailedStarts(folder.file('failed-starts.json'));
    assert.equal(readFailedStarts(folder.file('failed-starts.json')).count, 0);
    for (const text of ['', '{', '[]', '{"count":"3"}', '{"count":1.5,"lastMs":1,"byConfiguration":true}']) {
      writeFileSync(folder.file('failed-starts.json'), text);
      assert.equal(readFailedStarts(folder.file('failed-starts.json')).count, 0, text);
    }
  });

  it('are tried again at once, from the third on seldom, and at once where the configuration was fixed', () => {
    const failed = (count: number, byConfiguration = false) => ({ count, lastMs: 1_000, byConfiguration });
    assert.equal(isDue(failed(MAX_FAILED_STARTS - 1), 1_001, true), true);
    assert.equal(isDue(failed(MAX_FAILED_STARTS), 1_001, true), false);
    assert.equal(isDue(failed(99), 1_000 + SLOW_TRIES_MS - 1, true), false);
    assert.equal(isDue(failed(99), 1_000 + SLOW_TRIES_MS, false), true);
    assert.equal(isDue(failed(99, true), 1_001, true), true);
    assert.equal(isDue(failed(99, true), 1_001, false), false);
    assert.equal(isDue(failed(99), 999, true), true, 'the clock was set back');
  });
});
