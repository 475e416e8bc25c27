import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { captureFilter } from '../../src/knock/filter.js';
import { DoorRegistry, doorsToHear } from '../../src/listener/door-book.js';
import { ANY_FLAGS, door } from '../knock/support.js';

const plain = door('1000');
const once = door('7000,7001');
const ORDER = {
  doors: [once, plain],
  oneTime: [
    {
      door: once.id,
      sequences: [
        { id: 5, sequence: once.sequence },
        { id: 6, sequence: door('8000:udp').sequence },
      ],
    },
  ],
};

describe('the doors of the listener', () => {
  it('go on by themselves, in their place, and are gone after the last sequence', () => {
    const book = new DoorRegistry(ORDER);
    assert.deepEqual(book.doors, [once, plain]);
    assert.equal(book.isOneTime(once.id), true);
    assert.equal(book.isOneTime(plain.id), false);
    assert.equal(book.use(once.id), 5);
    assert.deepEqual(book.doors, [{ ...once, sequence: [{ port: 8000, protocol: 'udp' }] }, plain]);
    assert.equal(book.use(once.id), 6);
    assert.deepEqual(book.doors, [plain]);
    assert.equal(book.use(once.id), undefined);
    assert.equal(book.isOneTime(once.id), true, 'it has not become an ordinary door');
  });

  it('are captured with the ports of all sequences that may come', () => {
    // Of doors with flags for a SYN, SYNs to all ports pass.
    const exact = ORDER.doors.map((one) => ({ ...one, flags: ANY_FLAGS }));
    const filter = captureFilter(doorsToHear({ ...ORDER, doors: exact }), 'raw');
    for (const port of [1000, 7000, 7001, 8000]) assert.match(filter, new RegExp(`\\b${port}\\b`));
    assert.match(filter, /udp/);
    assert.doesNotMatch(captureFilter(exact, 'raw'), /8000/);
  });
});
