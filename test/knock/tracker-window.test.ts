import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { door, Stand } from './support.js';

const A = '192.0.2.1';
const OPENED = ['d stage 1', 'd stage 2', 'd stage 3', 'd open'];

/** The case table's door. */
function d(more: Parameters<typeof door>[1] = {}): ReturnType<typeof door> {
  return door('7000,8000,9000', { name: 'd', ...more });
}

describe('the window', () => {
  /** A stand 1,000 ms after the first packet of a door with a window of 2,000 ms. */
  function started(more: Parameters<typeof door>[1] = {}): Stand {
    const stand = new Stand([d({ windowMs: 2000, ...more })]);
    assert.deepEqual(stand.knock('7000'), ['d stage 1']);
    stand.nowMs += 900;
    return stand;
  }

  it('is exact: the last packet may come at its very end', () => {
    const stand = started();
    stand.knock('8000');
    stand.nowMs = 3000;
    assert.deepEqual(stand.knock('9000'), ['d stage 3', 'd open']);
  });

  it('is over a moment later; the packet that notices it does not count as the next step', () => {
    const stand = started();
    stand.knock('8000');
    stand.nowMs = 3000.001;
    assert.deepEqual(stand.knock('9000'), ['d timeout 2']);
    assert.equal(stand.tracker.attempts, 0);
  });

  it('runs from the first packet, not from the last', () => {
    const stand = started();
    stand.knock('8000');
    stand.nowMs += 1500;
    assert.deepEqual(stand.knock('9000'), ['d timeout 2']);
  });

  it('the packet that notices the time-out may start anew', () => {
    const stand = started();
    stand.nowMs += 1300;
    assert.deepEqual(stand.knock('7000,8000,9000'), ['d timeout 1', ...OPENED]);
  });

  it('expire reports it without a packet, once', () => {
    const stand = started();
    stand.tracker.expire(3100);
    assert.deepEqual(stand.recorder.take(), []);
    stand.tracker.expire(3100.5);
    stand.tracker.expire(9000);
    assert.deepEqual(stand.recorder.take(), [`${A} d timeout 1`]);
    assert.equal(stand.tracker.attempts, 0);
  });

  it('expire comes to all attempts in a bounded number of calls', () => {
    const stand = new Stand([d()]);
    for (let index = 0; index < 40_000; index++) {
      stand.send({ source: `10.0.${index >> 8}.${index & 255}`, destinationPort: 7000 });
      stand.nowMs -= 99.99;
    }
    const started = stand.recorder.take().length;
    assert.equal(started, 40_000);
    stand.tracker.expire(stand.nowMs + 6000);
    const first = stand.recorder.take().length;
    assert.ok(first < 20_000, `one call looked at ${first}`);
    stand.tracker.expire(stand.nowMs + 6000);
    stand.tracker.expire(stand.nowMs + 6000);
    assert.equal(first + stand.recorder.take().length, 40_000);
    assert.equal(stand.tracker.attempts, 0);
  });

  for (const windowMs of [0, -1000]) {
    it(`of ${windowMs} ms: a sequence of several never opens, one of a single port does`, () => {
      const stand = new Stand([d({ windowMs }), door('1', { name: 'one', windowMs })]);
      assert.deepEqual(stand.knock('7000,8000'), ['d stage 1', 'd timeout 1']);
      assert.deepEqual(stand.knock('1'), ['one stage 1', 'one open']);
    });
  }
});

describe('duplicates = tolerate', () => {
  const again = { sourcePort: 5, sequence: 77 };

  it('a copy of the packet just counted is ignored', () => {
    const stand = new Stand([d()], { tolerateDuplicates: true });
    assert.deepEqual(stand.knock('7000,7000,7000', again), ['d stage 1']);
    assert.deepEqual(stand.knock('8000,8000', { sourcePort: 6, sequence: 78 }), ['d stage 2']);
    assert.deepEqual(stand.knock('9000'), OPENED.slice(2));
  });

  it('nor does it stand for a second knock at the same port', () => {
    const stand = new Stand([door('5,5', { name: 'd' })], { tolerateDuplicates: true });
    assert.deepEqual(stand.knock('5,5', again), ['d stage 1']);
    assert.deepEqual(stand.knock('5'), ['d stage 2', 'd open']);
  });

  it('so is any packet to a port that was counted, as in the kernel, which knows no sequence numbers', () => {
    for (const other of [{ sequence: 76 }, { sourcePort: 4 }]) {
      const stand = new Stand([d()], { tolerateDuplicates: true });
      stand.knock('7000', again);
      assert.deepEqual(stand.knock('7000', { ...again, ...other }), []);
      assert.deepEqual(stand.knock('8000', { sourcePort: 9 }), ['d stage 2']);
    }
  });

  // Red with the port just counted alone (run once, 2026-11-30).
  it('a copy of an earlier packet too, however late', () => {
    const stand = new Stand([d()], { tolerateDuplicates: true });
    assert.deepEqual(stand.knock('7000', again), ['d stage 1']);
    assert.deepEqual(stand.knock('8000', { sourcePort: 6, sequence: 78 }), ['d stage 2']);
    assert.deepEqual(stand.knock('7000', again), []);
    assert.deepEqual(stand.knock('9000'), OPENED.slice(2));
  });

  it('a port that is also the next one counts', () => {
    const stand = new Stand([door('5,6,5,7', { name: 'd' })], { tolerateDuplicates: true });
    stand.knock('5,6');
    assert.deepEqual(stand.knock('5', { sequence: 3 }), ['d stage 3']);
    assert.deepEqual(stand.knock('6,5', { sequence: 4 }), []);
    assert.deepEqual(stand.knock('7'), ['d stage 4', 'd open']);
  });

  it('only the same port makes a copy: a sender may use one source port and number for all', () => {
    const stand = new Stand([d()], { tolerateDuplicates: true });
    assert.deepEqual(stand.knock('7000,8000,9000', again), OPENED);
    assert.deepEqual(stand.knock('7000,9000,8000', again), ['d stage 1']);
  });

  it('UDP has no sequence numbers, so equal datagrams are two knocks', () => {
    const stand = new Stand([door('5:udp,5:udp', { name: 'd' })], { tolerateDuplicates: true });
    assert.deepEqual(stand.knock('5:udp,5:udp', again), ['d stage 1', 'd stage 2', 'd open']);
  });

  it('is off by default', () => {
    const stand = new Stand([d()]);
    assert.deepEqual(stand.knock('7000,7000', again), ['d stage 1']);
    assert.deepEqual(stand.knock('8000'), []);
  });
});

describe('replaceDoors', () => {
  it('keeps attempts at doors that stay, drops the others', () => {
    const stays = d({ id: 950 });
    const changes = door('7000,8000,1', { id: 951, name: 'c' });
    const stand = new Stand([changes, stays]);
    stand.knock('7000,8000');
    const changed = door('7000,8000,2', { id: 951, name: 'c' });
    stand.tracker.replaceDoors([door('3,4'), { ...stays }, changed]);
    assert.equal(stand.tracker.attempts, 1);
    assert.deepEqual(stand.knock('9000'), OPENED.slice(2));
    assert.deepEqual(stand.knock('7000,8000,2').at(-1), 'c open');
  });
});
