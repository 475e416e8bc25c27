import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { WarnOnce } from '../../src/base/warn-once.js';

describe('what is reported once', () => {
  it('is reported again only once it has gone and comes back', () => {
    const once = new WarnOnce();
    assert.deepEqual([once.begins('disk'), once.begins('disk'), once.begins('disk')], [true, false, false]);
    assert.deepEqual([once.ends('disk'), once.ends('disk')], [true, false]);
    assert.equal(once.begins('disk'), true);
  });

  it('is reported again for another reason, and for the first one after that', () => {
    const once = new WarnOnce();
    const reported = ['full', 'full', 'read-only', 'read-only', 'full'].map((why) =>
      once.begins('disk', why),
    );
    assert.deepEqual(reported, [true, false, true, false, true]);
  });

  it('is one thing for each key', () => {
    const once = new WarnOnce<4 | 6>();
    assert.deepEqual([once.begins(4), once.begins(6), once.begins(4)], [true, true, false]);
    once.ends(4);
    assert.deepEqual([once.begins(4), once.begins(6)], [true, false]);
  });

  it('tells of all that is wrong at one time what has begun and what is over', () => {
    const once = new WarnOnce();
    assert.deepEqual(once.update(['a', 'b', 'a']), { begun: ['a', 'b'], over: [] });
    assert.deepEqual(once.update(['b', 'c']), { begun: ['c'], over: ['a'] });
    assert.deepEqual(once.update(['b', 'c']), { begun: [], over: [] });
    assert.deepEqual(once.update([]), { begun: [], over: ['b', 'c'] });
    assert.deepEqual(once.update(['a']), { begun: ['a'], over: [] });
  });
});
