import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { DirtyTracker } from '../../../src/runtime/entries/dirty-tracker.js';
import { ExpiryCache } from '../../../src/runtime/entries/expiry-cache.js';
import { network } from '../../helpers/verb-context.js';

const entry = (
  text: string,
  timeoutS = 0,
): { network: ReturnType<typeof network>; timeoutS: number; origin: string } => ({
  network: network(text),
  timeoutS,
  origin: 'cli',
});

describe('what we changed since the file was written', () => {
  it('is forgotten with the next file, but not with one that could not be written', () => {
    const changes = new DirtyTracker();
    changes.markChanged({ kind: 'add', entries: [entry('192.0.2.1')] });
    changes.markChanged({ kind: 'remove', networks: [network('192.0.2.2')] });
    changes.read();
    changes.markChanged({ kind: 'add', entries: [entry('192.0.2.3')] });
    changes.failed();
    assert.deepEqual(
      ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map((text) => changes.touched(text)),
      [true, true, true, false],
    );
    changes.read();
    changes.markChanged({ kind: 'add', entries: [entry('192.0.2.4')] });
    changes.saved();
    assert.deepEqual(
      ['192.0.2.1', '192.0.2.4'].map((text) => changes.touched(text)),
      [false, true],
    );
    assert.ok(changes.any);
    changes.read();
    changes.saved();
    assert.equal(changes.any, false);
  });

  it('emptied by us: nothing in the file counts, until there is another one', () => {
    const changes = new DirtyTracker();
    changes.markChanged({ kind: 'empty' });
    changes.read();
    assert.ok(changes.touched('192.0.2.1'));
    assert.equal(changes.markEmptied(10, 0), false);
    changes.failed();
    assert.ok(changes.emptied);
    changes.read();
    changes.saved();
    assert.equal(changes.emptied, false);
  });

  it('looks emptied where no more is left than we put in since', () => {
    const changes = new DirtyTracker();
    assert.equal(changes.markEmptied(0, 0), false);
    assert.equal(changes.markEmptied(5, 0), true);
    assert.equal(changes.markEmptied(5, 1), false, 'single ones were taken out on purpose');
    changes.markChanged({ kind: 'add', entries: [entry('192.0.2.1')] });
    assert.equal(changes.markEmptied(5, 1), true);
  });
});

describe('exact times', () => {
  const line = (text: string, timeout: string): string => `add s ${text} timeout ${timeout} comment "cli"\n`;

  it('add milliseconds to what the kernel says, and never more', () => {
    const exact = new ExpiryCache();
    exact.remember(
      [entry('192.0.2.1', 300), entry('192.0.2.2', 300), entry('192.0.2.3', 300), entry('192.0.2.4')],
      1_000,
    );
    const lines = [
      ['192.0.2.1', '299', '299.750'],
      ['192.0.2.2', '290', '290'],
      ['192.0.2.3', '300', '300'],
      ['192.0.2.4', '0', '0'],
      ['192.0.2.5', '7', '7'],
    ] as const;
    const dump = lines.map(([text, seconds]) => line(text, seconds)).join('');
    // 250 ms later; the second was given another time by hand, of the third the kernel says more than we know.
    assert.equal(
      exact.refine(dump, 1_250, 20),
      lines.map(([text, , seconds]) => line(text, seconds)).join(''),
    );
    // The dump took two seconds: what was left when it was begun.
    assert.equal(exact.refine(line('192.0.2.1', '297'), 1_250, 2_000), line('192.0.2.1', '299.750'));
    assert.equal(exact.refine(line('192.0.2.1', '297'), 1_250, 1_000), line('192.0.2.1', '297'));
    exact.prune(301_000);
    assert.equal(exact.refine(line('192.0.2.1', '0'), 301_000, 9), line('192.0.2.1', '0'));
  });
});
